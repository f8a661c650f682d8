import type { Observed, ScaleSpec } from '../../core/scaling.ts';
import type { GivenBack } from './giving-back.ts';

/** Why so many are left although `needed` would do, in one line: `idle for 600s (twice as long: ...)`. */
export function surplusReason(
  { count, keptMs }: GivenBack,
  needed: number,
  { observed, spec }: { readonly observed: Observed; readonly spec: ScaleSpec },
): string {
  const isIdle = observed.idleSinceMs !== null;
  const isLearned = isIdle && count === 0 && spec.toZeroMs !== undefined;
  const longer = isLearned ? '' : patienceNote(spec);
  if (keptMs === null) return `${isIdle ? 'idle, not for long enough' : `${needed} would do`}${longer}`;
  const kept = count === 0 ? 'idle' : `${count} would do`;
  return `${kept} for ${keptMs / 1_000}s${longer}`;
}

function patienceNote({ patience = 1 }: ScaleSpec): string {
  if (patience === 1) return '';
  const times = patience === 2 ? 'twice' : `${patience} times`;
  return ` (${times} as long: started again soon after a stop)`;
}
