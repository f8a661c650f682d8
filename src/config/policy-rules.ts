import type { RawFault } from './issues.ts';
import { kpaSchema } from './kpa.ts';
import type { RawModel } from './model.ts';
import type { Path } from './path.ts';
import { signalsOf } from './signals.ts';

type RawScale = RawModel['scale'];

/** Signals where they could raise no count; `path` is that of `scale`. */
export function signalFaults(path: Path, { signals, owner }: RawScale, driver: string): RawFault[] {
  if (signalsOf(signals) === undefined) return [];
  const add = (message: string) => [{ path: [...path, 'signals'], message, hint: null }];
  if (driver === 'static') return add('does not apply to static: its replicas are there anyway');
  return owner === 'external' ? add('does not apply where scale.owner is external: others say how many') : [];
}

/** Keys of another policy, and settings of the KPA that do not go together; `path` is that of `scale`. */
export function policyFaults(path: Path, scale: RawScale, max: number): RawFault[] {
  return scale.policy === 'kpa' ? kpaFaults(path, scale, max) : strayFaults(path, scale);
}

function kpaFaults(path: Path, scale: RawScale, max: number): RawFault[] {
  const faults: RawFault[] = [];
  const add = (at: Path, message: string) => faults.push({ path: [...path, ...at], message, hint: null });
  const message = 'applies to policy cost-aware only, not to kpa';
  if (scale.minUp > 0) add(['minUp'], message);
  if (scale.idle === 'adaptive') add(['idle'], 'adaptive applies to policy cost-aware only, not to kpa');
  if (scale.buffer > 0) add(['buffer'], message);
  if (scale.maxStarting !== null) add(['maxStarting'], message);
  for (const key of ['activationScale', 'initialScale'] as const) {
    if (scale.kpa[key] > Math.max(max, scale.min ?? 0))
      add(['kpa', key], `must be at most scale.max, which is ${max}`);
  }
  return faults;
}

/** What is set of `kpa`, that is to say other than by default. */
function strayFaults(path: Path, { kpa }: RawScale): RawFault[] {
  const defaults: Readonly<Record<string, unknown>> = kpaSchema.parse({});
  const set = Object.entries(kpa).filter(([key, value]) => value !== defaults[key]);
  return set.map(([key]) => {
    return {
      path: [...path, 'kpa', key],
      message: 'applies to policy kpa only',
      hint: 'set scale.policy: kpa',
    };
  });
}
