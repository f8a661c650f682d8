import type { Clock } from '../core/clock.ts';
import type { ReadySpec } from '../core/prober.ts';

/** One probe: whom to ask, how, and until when. */
export interface ProbeQuestion {
  readonly origin: string;
  readonly ready: ReadySpec;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}
