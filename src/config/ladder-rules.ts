import type { RawFault } from './issues.ts';
import type { RawModel } from './model.ts';
import type { Path } from './path.ts';
import { formatDuration } from './quantities.ts';
import type { RungSettings } from './rung-settings.ts';
import { ladderOf } from './rungs.ts';

const fault = (path: Path, message: string): RawFault => ({ path, message, hint: null });

/** What is wrong with a ladder for this driver, and between its rungs; `path` is that of the model. */
export function ladderFaults(path: Path, model: RawModel): RawFault[] {
  const { ladder } = model.scale;
  if (ladder.length === 0) return [];
  const at = [...path, 'scale', 'ladder'];
  const misplaced = driverFault(model);
  if (misplaced !== null) return [fault(at, misplaced)];
  const rungs = ladderOf(ladder, model.backend.driver);
  return [
    ...minFaults(at, model),
    ...(model.backend.driver === 'process' ? [] : podFaults(at, rungs)),
    ...rungs.flatMap((rung, index) => orderFaults([...at, index], rung, rungs.slice(0, index))),
    ...(model.scale.idle === 0 ? afterFaults(at, rungs) : []),
  ];
}

function driverFault({ backend, scale }: RawModel): string | null {
  if (backend.driver === 'static')
    return 'does not apply to static: a replica that does not wake could not be replaced';
  if (scale.owner === 'external') return 'does not apply with owner: external';
  if (backend.driver === 'kubernetes' && backend.route === 'service')
    return 'does not apply with route: service, where a hook would reach any of the pods';
  return null;
}

function minFaults(at: Path, { scale }: RawModel): RawFault[] {
  const { min = 0, max = Math.max(1, min) } = scale;
  return min !== max ? [] : [fault(at, `has no effect: scale.min keeps all of ${max} awake`)];
}

function podFaults(at: Path, rungs: readonly RungSettings[]): RawFault[] {
  return rungs.flatMap(({ sleep, wake, check }, index) => {
    const isLocal = [...sleep, ...wake, ...(check === null ? [] : [check.ask])].some(
      ({ kind }) => kind !== 'http',
    );
    const message = 'commands and signals reach processes of this machine only (driver: process)';
    if (isLocal) return [fault([...at, index], message)];
    if (check !== null) return [];
    const unasked = 'is required with kubernetes: a gateway that is started again must know who sleeps';
    return [fault([...at, index, 'check'], unasked)];
  });
}

function orderFaults(at: Path, rung: RungSettings, shallower: readonly RungSettings[]): RawFault[] {
  const before = shallower.at(-1);
  const faults: RawFault[] = [];
  if (shallower.some(({ name }) => name === rung.name))
    faults.push(fault([...at, 'name'], 'is the name of another rung'));
  if (before === undefined) return faults;
  if (rung.cost >= before.cost) {
    const message = `must be less than that of the rung before it, which is ${before.cost}`;
    faults.push(fault([...at, 'cost'], message));
  }
  const latestMs = Math.max(...shallower.map(({ afterMs }) => afterMs ?? 0));
  if (rung.afterMs !== null && rung.afterMs <= latestMs) {
    const message = `must be more than that of the rung before it, which is ${formatDuration(latestMs)}`;
    faults.push(fault([...at, 'after'], message));
  }
  return faults;
}

/** Without a price of a cold start nothing says when a rung pays. */
function afterFaults(at: Path, rungs: readonly RungSettings[]): RawFault[] {
  return rungs.flatMap(({ afterMs }, index) =>
    afterMs === null ? [fault([...at, index, 'after'], 'is required with idle: 0')] : [],
  );
}
