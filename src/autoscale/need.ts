import type { Observed, ScaleSpec } from '../core/scaling.ts';

/** Replicas that the requests of the moment fill; one for who asked and is not there yet. */
export function filledBy(observed: Observed, { concurrency }: ScaleSpec): number {
  const load = observed.waiting + observed.inFlight;
  if (load === 0) return observed.isWanted ? 1 : 0;
  return concurrency === 0 ? 1 : Math.ceil(load / concurrency);
}

/** Why so many are needed, in one line. */
export function reasonFor(observed: Observed, needed: number, spec: ScaleSpec): string {
  const load = observed.waiting + observed.inFlight;
  if (load > 0) return `${observed.waiting} waiting and ${observed.inFlight} running`;
  if (observed.isWanted) return 'asked for';
  return needed <= spec.min && needed > 0 ? `min is ${spec.min}` : 'nothing to do';
}
