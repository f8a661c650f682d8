import type { Activator } from './activation/activator.ts';
import type { Gate } from './admission/gate.ts';
import type { ModelSettings } from './config/settings.ts';
import type { WakeInfo } from './core/gate.ts';
import type { ModelGauges } from './meter/model-gauges.ts';

/** What a runtime's picture is taken of. */
export interface RuntimeViewed {
  readonly settings: ModelSettings;
  readonly gate: Gate;
  readonly activator: Activator;
  wakeInfo(): WakeInfo;
}

/** What a revision is doing, in plain JSON, for the admin API. */
export function snapshotOf({ settings, gate, activator, wakeInfo }: RuntimeViewed) {
  const { waiting, inFlight, waitingBytes, oldestWaitMs } = gate;
  const { name: model, aliases, revision } = settings;
  const { state, step, detail } = wakeInfo();
  return {
    model,
    aliases,
    driver: revision.backend.driver,
    inFlight,
    limit: revision.concurrency,
    queue: { waiting, waitingBytes, oldestWaitMs, max: revision.queue.max },
    ...activator.snapshot(),
    state,
    step,
    detail,
  };
}

/** What of it a scrape reads: with many models, whole snapshots would be megabytes of garbage. */
export function gaugesOf(
  { gate, activator, wakeInfo }: RuntimeViewed,
  { connections }: Pick<ModelGauges, 'connections'>,
): ModelGauges {
  const { waiting, waitingBytes, oldestWaitMs, inFlight } = gate;
  const { state } = wakeInfo();
  const { replicas, signals } = activator;
  const replicaStates = replicas.map((replica) => replica.state);
  return { waiting, waitingBytes, oldestWaitMs, inFlight, connections, state, replicaStates, signals };
}

/** How far a start is that waits until the revision before it has ended. */
export function heldInfo(info: WakeInfo): WakeInfo {
  return info.state === 'paused' ? info : { ...info, state: 'starting', step: 'the revision before it ends' };
}
