import { type BackendReading, gaugePace, type SignalName } from '../../core/signals.ts';
import { type SignalMoment, type SignalView, silent, wishFor } from './gate-signals.ts';
import { byReplica } from './hpa.ts';

type Gauge = 'waiting' | 'running' | 'kvCache';

const signalByGauge: Readonly<Record<Gauge, SignalName>> = {
  waiting: 'backend.waiting',
  running: 'backend.running',
  kvCache: 'backend.kvCache',
};

/**
 * What the replicas say of themselves, without what is stale. A cache may stay full when its requests have ended: it counts
 * only while there are some, from here or from others.
 */
export function backendSignal(gauge: Gauge, moment: SignalMoment): SignalView {
  const { observed, readings, settings, nowMs } = moment;
  const target = settings.backend[gauge];
  if (target === null || observed.ready === 0) return silent;
  const fresh = readings.backends.filter(({ atMs }) => nowMs - atMs <= gaugePace.staleMs);
  if (gauge === 'kvCache' && !hasRequests(moment, fresh)) return silent;
  const values = fresh.map((reading) => reading[gauge]).filter((value) => value !== null);
  const missing = Math.max(0, observed.ready - values.length);
  const count = byReplica({ values, missing, starting: observed.starting }, target);
  if (count === null) return silent;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const why =
    gauge === 'kvCache'
      ? `backend KV cache: ${percent(mean)}, target ${percent(target)}`
      : `backend ${gauge}: ${Math.round(mean * 10) / 10} per replica, target ${target}`;
  const wish = wishFor(signalByGauge[gauge], count, why);
  const staleAtMs = Math.min(...fresh.map(({ atMs }) => atMs)) + gaugePace.staleMs;
  return { wish, nextAtMs: wish === null ? null : staleAtMs + 1 };
}

function hasRequests({ observed }: SignalMoment, fresh: readonly BackendReading[]): boolean {
  if (observed.waiting + observed.inFlight > 0) return true;
  return fresh.some(({ waiting, running }) => (waiting ?? 0) + (running ?? 0) > 0);
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
