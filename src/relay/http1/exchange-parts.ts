import type { Clock } from '../../core/clock.ts';
import type { Traffic } from '../traffic.ts';
import type { BackendPool } from './backend-pool.ts';
import type { HeldBudget } from './held-budget.ts';

/** What the exchanges of a lane share. */
export interface ExchangeParts {
  readonly traffic: Traffic;
  readonly clock: Clock;
  readonly pool: BackendPool;
  readonly budget: HeldBudget;
  readonly maxHeadBytes: number;
  readonly maxFields: number;
  /** Milliseconds for an upload to end after its answer did. */
  readonly lateUploadMs: number;
  /** As `TunnelOptions.halfOpenMs`. */
  readonly halfOpenMs: number;
  /** No connection is kept any more. */
  isDraining(): boolean;
}

/** Limits of a client's connection, in milliseconds. */
export interface ClientLimits {
  /** Without a request. */
  readonly idleMs: number;
  /** For a head to arrive once it has begun. */
  readonly headMs: number;
  /** For a client to stop sending, and to take its last answer, once no more requests are read. */
  readonly lingerMs: number;
}

/**
 * What becomes of a client's connection when its exchange is over: the next request on it, no more of them (what still comes
 * is dropped for a while, so that the answer is seen), or nothing, since it is closed or being closed.
 */
export type AfterExchange = 'keep' | 'linger' | 'closed';

/** The connection on which the request came. */
export interface ExchangeOwner {
  /** What was read of it beyond this exchange; null: nothing. */
  takeAhead(): Buffer | null;
  /** `unreadBytes`: so much of the request's body still comes; with `keep` only. */
  exchangeDone(after: AfterExchange, unreadBytes: number): void;
}
