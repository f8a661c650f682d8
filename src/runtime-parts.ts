import type { ActivationEvent } from './activation/events.ts';
import type { LearnedTimes } from './activation/wake-history.ts';
import type { ReturnPool } from './autoscale/adaptive/return-pool.ts';
import type { Companions } from './companions.ts';
import type { ModelSettings } from './config/settings.ts';
import type { Clock } from './core/clock.ts';
import type { Driver, Target } from './core/driver.ts';
import type { Sleeper } from './core/ladder.ts';
import type { Leadership } from './core/leadership.ts';
import type { LoadGauge } from './core/load-gauge.ts';
import type { Prober } from './core/prober.ts';
import type { ModelMeter } from './meter/model-meter.ts';
import type { CommonRoom } from './room/common-room.ts';

/** What was learned of starts and wakes, kept beyond the life of a runtime; keys are `model/revision`. */
export interface StartMemory {
  recall(key: string): unknown;
  keep(key: string, samples: LearnedTimes): void;
}

/** What all models share. */
export interface RuntimeParts {
  readonly clock: Clock;
  readonly prober: Prober;
  readonly leadership: Leadership;
  readonly startMemory: StartMemory;
  /** When requests return to idle models, learned over all of them. */
  readonly returns: ReturnPool;
  /** Those that are woken together. */
  readonly companions: Companions;
  /** null: nothing is shared, and each has as many replicas as it wants. */
  readonly room: CommonRoom | null;
  readonly driverOf: (settings: ModelSettings) => Driver;
  readonly gaugeOf: (settings: ModelSettings) => LoadGauge;
  /** Who moves replicas on the ladder of this moment; null: there is none. */
  readonly sleeperOf: (settings: () => ModelSettings) => Sleeper | null;
  readonly meterOf: (model: string) => ModelMeter;
  readonly onEvent: (model: string, event: ActivationEvent) => void;
}

/**
 * The target of a model's revision; its backend is that of the moment. Two revisions of a model may run side by side:
 * their replicas must not be taken for each other's, so that `generation` is part of the id from the second one on.
 */
export function targetOf(settings: () => ModelSettings, generation: number): Target {
  const { name, revision } = settings();
  return {
    id: generation === 1 ? `${name}/${revision.name}` : `${name}/${revision.name}~${generation}`,
    model: name,
    revision: revision.name,
    get backend() {
      return settings().revision.backend;
    },
  };
}
