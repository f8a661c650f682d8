import type { Leadership } from '../core/leadership.ts';

/** A Leadership by a Lease, and its life. */
export interface LeaseHolder extends Leadership {
  /** Begins to try. */
  start(): void;
  /** Milliseconds for which leadership is sure, whatever happens: no write may take longer. 0 while it does not lead. */
  leadsFor(): number;
  /** Ceases to lead and gives the lease up, so that another takes it at once; never rejects. */
  release(): Promise<void>;
  /** Ceases to lead and leaves the lease to run out. */
  close(): Promise<void>;
}
