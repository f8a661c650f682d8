import type { KeySettings } from '../config/settings.ts';
import type { Dialect, Intent } from '../core/protocol.ts';
import type { HeldRequest } from '../relay/traffic.ts';

/** A request over HTTP/2 as the door hands it over. */
export interface CallArrival {
  readonly request: HeldRequest;
  /** Its fields by name in lower case; of one that came more than once all values, joined as RFC 9110, 5.3 has it. */
  readonly headers: Readonly<Record<string, string>>;
  /** A call of gRPC: its errors are statuses, and it has a deadline of its own. */
  readonly isGrpc: boolean;
  /** How errors are written where it is none. */
  readonly dialect: Dialect;
  readonly requestId: string;
  readonly key: KeySettings | null;
  /** Limit of the time until the model is known, where a message names it; 0 = none. */
  readonly bodyTimeoutMs: number;
  /** Path without the query, for the log. */
  readonly path: string;
  /** The path and query to send on. */
  readonly forwardPath: string;
}

/** How the model of a call becomes known: from its head, or from its first message; after that more may follow. */
export type CallNaming = Intent | { readonly inMessage: true; readonly isStream: boolean };
