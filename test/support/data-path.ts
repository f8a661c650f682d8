import type { Settings } from '../../src/config/settings.ts';
import { systemClock } from '../../src/core/clock.ts';
import { soleLeadership } from '../../src/core/leadership.ts';
import { createEdges } from '../../src/edges.ts';
import { HeldMemory } from '../../src/forward/held-memory.ts';
import { Watchdog } from '../../src/forward/watchdog.ts';
import { type AccessFacts, createLog } from '../../src/meter/log.ts';
import { Metrics } from '../../src/meter/metrics.ts';
import { Pipeline } from '../../src/pipeline.ts';
import { Roster } from '../../src/roster.ts';

/** The gateway without its ports: models with real backends, and the pipeline in front of them. */
export interface DataPath {
  readonly pipeline: Pipeline;
  readonly roster: Roster;
  readonly held: HeldMemory;
  readonly metrics: Metrics;
  /** The requests that have ended, as the log would have them. */
  readonly accesses: AccessFacts[];
  /** What went wrong in the gateway itself. */
  readonly faults: Error[];
  close(): Promise<void>;
}

export async function openDataPath(settings: Settings): Promise<DataPath> {
  const clock = systemClock;
  const log = createLog('silent');
  const edges = await createEdges({ settings, clock, log, ownerHash: `test-${process.pid}` });
  const { prober, driverOf, gaugeOf, sleeperOf } = edges;
  const { heldMemoryBytes: maxMemoryBytes, spool } = settings.server;
  const held = new HeldMemory({ maxMemoryBytes, dir: spool.dir, maxSpoolBytes: spool.maxBytes });
  const metrics = new Metrics({
    models: () => roster.gauges(),
    hasModel: (model) => roster.models.has(model),
    gpus: () => [],
    held,
    droppedLogLines: () => 0,
    clusterLists: () => null,
    jobs: () => null,
  });
  const accesses: AccessFacts[] = [];
  const faults: Error[] = [];
  const roster: Roster = new Roster(
    {
      ...{ clock, prober, driverOf, gaugeOf, sleeperOf },
      leadership: soleLeadership,
      startMemory: { recall: () => undefined, keep: () => undefined },
      room: null,
      meterOf: (model) => metrics.model(model),
      onEvent: () => undefined,
    },
    log,
    (waiters, entry) => pipeline.move(waiters, entry),
  );
  const pipeline: Pipeline = new Pipeline({
    clock,
    directory: roster,
    held,
    watchdog: new Watchdog(clock),
    maxBodyBytes: () => settings.server.maxBodyBytes,
    dropCredentials: () => settings.auth.keys.length > 0,
    refusal: () => null,
    onAccess: (facts) => accesses.push(facts),
    onFault: (error) => faults.push(error),
  });
  roster.apply(settings);
  return {
    ...{ pipeline, roster, held, metrics, accesses, faults },
    async close() {
      await pipeline.drain(1);
      await roster.close();
      await edges.close();
    },
  };
}
