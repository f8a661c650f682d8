import type { Clock } from '../core/clock.ts';
import type { LaneHead, OwnAnswer } from '../relay/traffic.ts';
import { emptyAnswer } from './answers.ts';
import type { Drainer } from './drainer.ts';
import { notFound, pathOf } from './scrape-answers.ts';
import type { SidecarSettings } from './settings.ts';
import type { SidecarLog } from './sidecar-log.ts';
import type { UnderWay } from './under-way.ts';

/** What an end in order takes. */
export interface ShutdownParts {
  readonly clock: Clock;
  readonly drainer: Drainer;
  readonly underWay: UnderWay;
  readonly settings: SidecarSettings['drain'];
  readonly log: SidecarLog;
  /** No more connections; those that are there close as they become idle. Resolves when none is left. */
  drainPorts(): Promise<void>;
}

/** How long connections have to close when their last request has ended. */
const closingMs = 2_000;

/**
 * The end of a sidecar: by SIGTERM, and before it by the PreStop hook of the app's container, which asks /wait-for-drain
 * and is kept waiting until no more requests come.
 */
export class Shutdown {
  readonly #parts: ShutdownParts;
  #isBegun = false;

  constructor(parts: ShutdownParts) {
    this.#parts = parts;
  }

  /**
   * The admin port. In Knative mode a wait without SIGTERM is called off after a second, as the original does: the kubelet
   * restarts the app, and must not be kept from it. In plain mode the kubelet ends this container behind the app's (a native
   * sidecar), so that SIGTERM comes only after the wait: it is over when it has been quiet.
   */
  async answer(head: LaneHead): Promise<OwnAnswer> {
    if (pathOf(head.target) !== '/wait-for-drain') return notFound;
    const { clock, drainer, settings, log } = this.#parts;
    log.info({}, 'the container of the app is ending: waiting until no more requests come');
    const isAlone = () => !this.#isBegun;
    if (settings.resetMs !== null) {
      clock.setTimer(clock.nowMs() + settings.resetMs, () => {
        if (isAlone()) drainer.reset();
      });
    }
    await drainer.drain();
    if (settings.resetMs === null && isAlone()) drainer.reset();
    return emptyAnswer(200);
  }

  /** Ends in order: probes fail, requests are served until none has come for the quiet period, and those that run to their end. */
  async run(): Promise<void> {
    const { clock, drainer, underWay, settings, log } = this.#parts;
    this.#isBegun = true;
    log.info({ quietMs: settings.quietMs }, 'shutting down: waiting until no more requests come');
    await drainer.drain();
    const { count, upgraded } = underWay;
    log.info({ requests: count, upgraded }, 'shutting down: waiting for the requests that run');
    const drained = this.#parts.drainPorts();
    await underWay.untilPlainOnesEnd();
    const abort = new AbortController();
    const sleep = (ms: number) => clock.sleep(ms, abort.signal).catch(() => undefined);
    await Promise.race([underWay.untilAllEnd(), sleep(settings.upgradedMs)]);
    if (underWay.count > 0) log.warn({ upgraded: underWay.upgraded }, 'upgraded connections are cut');
    else await Promise.race([drained, sleep(closingMs)]);
    abort.abort();
    log.info({}, 'shut down');
  }
}
