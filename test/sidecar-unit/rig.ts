import { Watchdog } from '../../src/forward/watchdog.ts';
import { createAppGate } from '../../src/sidecar/app-gate.ts';
import type { EndedRequest } from '../../src/sidecar/crossing-parts.ts';
import { Drainer } from '../../src/sidecar/drainer.ts';
import { textRefusals } from '../../src/sidecar/model/refusals.ts';
import { WaitComments } from '../../src/sidecar/model/wait-comments.ts';
import { RequestCompany } from '../../src/sidecar/request-company.ts';
import { SidecarTraffic } from '../../src/sidecar/sidecar-traffic.ts';
import { RequestStats } from '../../src/sidecar/stats/request-stats.ts';
import { UnderWay } from '../../src/sidecar/under-way.ts';
import { ManualClock } from '../support/manual-clock.ts';

/** What a test may set. */
export interface RigOptions {
  readonly concurrency?: number;
  readonly timeouts?: { totalMs?: number; responseStartMs?: number; idleMs?: number };
  readonly isReady?: () => Promise<boolean>;
  /** Comments to who waits, so often. */
  readonly commentMs?: number;
}

/** The traffic of a sidecar on a manual clock, without lanes. */
export function createRig({
  concurrency = 0,
  timeouts = {},
  isReady = async () => true,
  commentMs = 0,
}: RigOptions = {}) {
  const clock = new ManualClock();
  const user = { host: '127.0.0.1', port: 8080 };
  const gate = createAppGate({ concurrency, queueMax: 10 * concurrency, user }, clock);
  const stats = new RequestStats(0);
  const underWay = new UnderWay();
  const drainer = new Drainer(clock, 30_000);
  const watchdog = new Watchdog(clock);
  const ended: EndedRequest[] = [];
  const probes: number[] = [];
  const traffic = new SidecarTraffic({
    clock,
    gate,
    stats,
    underWay,
    drainer,
    watchdog,
    refusals: textRefusals,
    rankOf: () => ({ priority: 1, patienceMs: Number.POSITIVE_INFINITY }),
    phase: () => 'waiting',
    companyOf:
      commentMs === 0
        ? null
        : (request) =>
            new RequestCompany(request, {
              trace: null,
              ears: null,
              comment: (asking, state) =>
                new WaitComments({ request: asking, clock, everyMs: commentMs, state }),
            }),
    user,
    timeouts: { totalMs: 0, responseStartMs: 0, idleMs: 0, ...timeouts },
    isReady,
    onEnded: (request) => ended.push(request),
    onProbe: (_request, status) => probes.push(status),
    onFailed: (error) => {
      throw error;
    },
  });
  return { clock, gate, stats, underWay, drainer, watchdog, traffic, ended, probes };
}
