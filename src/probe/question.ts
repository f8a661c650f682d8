import type { Clock } from '../core/clock.ts';
import type { ReadySpec } from '../core/prober.ts';

/** One probe: whom to ask, how, and until when. */
export interface ProbeQuestion {
  readonly origin: string;
  readonly ready: ReadySpec;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** One that needs no more of `ReadySpec` than its limit. */
export interface TimedQuestion extends Omit<ProbeQuestion, 'ready'> {
  readonly ready: Pick<ReadySpec, 'timeoutMs'>;
}
