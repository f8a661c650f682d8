import type { Clock } from '../../core/clock.ts';
import type { WaitState } from '../../core/protocol.ts';
import type { FlatHeaders } from '../../forward/headers.ts';
import { Heartbeat } from '../../forward/heartbeat.ts';
import { openaiDialect } from '../../protocols/dialects.ts';
import type { LaneRequest } from '../../relay/traffic.ts';
import { StreamWish } from './stream-wish.ts';

/** What the comments of one request are made of. */
export interface WaitCommentsOptions {
  readonly request: LaneRequest;
  readonly clock: Clock;
  /** Milliseconds between two of them. */
  readonly everyMs: number;
  /** What is told at the moment. */
  state(): WaitState;
}

/**
 * SSE comments to one who waits and asked for a stream, so that neither its proxies nor the client take the silence for a
 * dead connection. One object per request that waits; begins with the first comment after `everyMs`.
 */
export class WaitComments {
  readonly #heartbeat = new Heartbeat();
  readonly #wish: StreamWish;
  #hasCommented = false;

  constructor({ request, clock, everyMs, state }: WaitCommentsOptions) {
    this.#wish = new StreamWish(request);
    this.#heartbeat.start(clock, everyMs, () => {
      if (!this.#hasCommented && !this.#wish.isThere) return;
      this.#hasCommented = true;
      request.comment(openaiDialect.renderHeartbeat(state()));
    });
  }

  /** It waits no more. */
  stop(): void {
    this.#heartbeat.stop();
  }

  /** Of the body, what has to go before the rest (`Outbound.prefix`). */
  get prefix(): readonly Buffer[] {
    return this.#wish.prefix;
  }

  /** The fields for the app: once a comment was sent the answer is not compressed any more, so it may not be. */
  toApp(fields: FlatHeaders): FlatHeaders {
    if (!this.#hasCommented) return fields;
    const out: FlatHeaders = [];
    for (let i = 0; i + 1 < fields.length; i += 2) {
      if (fields[i] !== 'accept-encoding') out.push(fields[i]!, fields[i + 1]!);
    }
    out.push('accept-encoding', 'identity');
    return out;
  }
}
