import type { Cluster } from './cluster.ts';
import type { ModelSettings, Settings } from './config/settings.ts';
import type { Clock } from './core/clock.ts';
import type { Driver } from './core/driver.ts';
import type { Sleeper } from './core/ladder.ts';
import type { LoadGauge } from './core/load-gauge.ts';
import type { Prober } from './core/prober.ts';
import { createProcessDriver } from './drivers/process/process-driver.ts';
import { createStaticDriver } from './drivers/static/static-driver.ts';
import { HookSleeper } from './ladder/hook-sleeper.ts';
import type { Log } from './meter/log.ts';
import { createProber } from './probe/http-prober.ts';
import { createLoadGauge } from './probe/load-gauge.ts';
import type { CommonRoom } from './room/common-room.ts';
import type { OpenRoomOptions } from './room/open-room.ts';

/** What reaches out of the gateway, besides the requests themselves. */
export interface Edges {
  readonly prober: Prober;
  /** null: none is configured. */
  readonly cluster: Cluster | null;
  /** What all models share; null: nothing. */
  readonly room: CommonRoom | null;
  driverOf(model: ModelSettings): Driver;
  gaugeOf(model: ModelSettings): LoadGauge;
  /** By the hooks of the ladder of this moment, and the headers of the time when they are used; null: there is none. */
  sleeperOf(model: () => ModelSettings): Sleeper | null;
  /** Ends all that the drivers started, and what is still being asked. */
  close(): Promise<void>;
}

export interface EdgesOptions {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly log: Log;
  /** Marks the child processes of this configuration. */
  readonly ownerHash: string;
}

/** Most gateways share nothing, and need not load what it takes. */
async function roomOf(options: OpenRoomOptions): Promise<CommonRoom> {
  return (await import('./room/open-room.ts')).openRoom(options);
}

/** Makes the drivers and the prober; rejects when a cluster is configured and nothing says where it is, or GPUs are to be found and there are none. */
export async function createEdges({ settings, clock, log, ownerHash }: EdgesOptions): Promise<Edges> {
  const { kubernetes, server, shared } = settings;
  // First of all: it may reject, and nothing has to be closed then.
  const room = shared && (await roomOf({ shared, clock, log, path: process.env.PATH }));
  const cluster =
    kubernetes === null
      ? null
      : await (await import('./cluster.ts')).openCluster({
          settings: kubernetes,
          drainMs: server.drainMs,
          ...{ clock, log },
        });
  const prober = createProber();
  const onFault = (error: unknown) => log.error({ err: error }, 'process driver fault');
  const placeOf: CommonRoom['placeOf'] = (...ids) => room?.placeOf(...ids) ?? null;
  const processes = createProcessDriver({ clock, ownerHash, placeOf, onFault }) as Driver;
  const fixed = createStaticDriver({ clock }) as Driver;
  return {
    prober,
    cluster,
    room,
    driverOf({ name, revision: { backend } }) {
      if (backend.driver === 'process') return processes;
      if (backend.driver === 'static') return fixed;
      if (cluster === null) throw new Error(`model "${name}" needs the section kubernetes`);
      return cluster.driverOf(backend);
    },
    sleeperOf(model) {
      const { name, revision } = model();
      const rungs = revision.ladder;
      const headers = () => model().revision.backendHeaders;
      return rungs.length === 0 ? null : new HookSleeper({ model: name, rungs: () => rungs, headers, clock });
    },
    gaugeOf: ({ revision }) => createLoadGauge({ headers: revision.backendHeaders, clock }),
    async close() {
      const all = [processes, fixed, prober, cluster, room].filter((edge) => edge !== null);
      await Promise.all(all.map((edge) => edge.close()));
    },
  };
}
