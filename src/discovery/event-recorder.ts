import type { Cancel, Clock } from '../core/clock.ts';
import type { Leadership } from '../core/leadership.ts';
import { type KubeApi, KubeError } from '../kube/api.ts';
import { FaultPace, type OnDiscoveryFault } from './fault.ts';
import { fieldManager } from './vocabulary.ts';

/** Something that happened to an object, as `kubectl describe` shows it. */
export interface ObjectEvent {
  /** `uid` undefined: it is shown by `kubectl get events` alone. */
  readonly object: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly namespace: string;
    readonly name: string;
    readonly uid?: string;
  };
  readonly type: 'Normal' | 'Warning';
  /** In CamelCase: Woken, Ready, StartFailed, ScaledToZero, Conflict, Invalid. */
  readonly reason: string;
  /** One line. */
  readonly message: string;
}

/** What a recorder depends on. `instance` names this gateway. */
export interface EventRecorderOptions {
  readonly api: KubeApi;
  readonly clock: Clock;
  readonly leadership: Leadership;
  readonly instance: string;
  readonly onFault: OnDiscoveryFault;
}

interface Series {
  event: ObjectEvent;
  count: number;
  firstAtMs: number;
  lastAtMs: number;
  /** Name of the Event that stands for it; null: none yet. */
  name: string | null;
  writtenAtMs: number;
  isPending: boolean;
}

const seriesMs = 600_000;
const againMs = 10_000;
const maxSeries = 1_000;
const maxMessageLength = 1_000;

/**
 * Writes events of core/v1. Those of one object and reason within ten minutes are one Event that counts and has the
 * newest message, written at most each 10 s; past 1,000 such series the oldest is forgotten. A failure is told, and
 * its event dropped.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #faults: FaultPace;
  readonly #seriesByKey = new Map<string, Series>();
  readonly #stop = new AbortController();
  #cancelTimer: Cancel | null = null;
  #writing: Promise<void> | null = null;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#faults = new FaultPace(options.clock, options.onFault);
  }

  /** Does nothing while another gateway leads. */
  record(event: ObjectEvent): void {
    if (!this.#options.leadership.isLeader || this.#stop.signal.aborted) return;
    const nowMs = this.#options.clock.wallMs();
    const { kind, namespace, name, uid = '' } = event.object;
    const key = [kind, namespace, name, uid, event.type, event.reason].join(' ');
    const known = this.#seriesByKey.get(key);
    const isOld = known === undefined || nowMs - known.lastAtMs > seriesMs;
    const fresh = { name: null, writtenAtMs: Number.NEGATIVE_INFINITY, firstAtMs: nowMs, count: 0 };
    const series = isOld ? { ...fresh, event, lastAtMs: nowMs, isPending: true } : known;
    Object.assign(series, { event, lastAtMs: nowMs, count: series.count + 1, isPending: true });
    this.#seriesByKey.delete(key);
    this.#seriesByKey.set(key, series);
    if (this.#seriesByKey.size > maxSeries) this.#seriesByKey.delete(this.#seriesByKey.keys().next().value!);
    this.#schedule();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#cancelTimer?.();
    await this.#writing;
  }

  #pending(): Series[] {
    return [...this.#seriesByKey.values()].filter(({ isPending }) => isPending);
  }

  #schedule(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    const pending = this.#pending();
    if (this.#writing !== null || this.#stop.signal.aborted || pending.length === 0) return;
    const { clock } = this.#options;
    const dueAtMs = Math.min(...pending.map(({ writtenAtMs }) => writtenAtMs + againMs));
    this.#cancelTimer = clock.setTimer(Math.max(dueAtMs, clock.nowMs()), () => {
      this.#writing = this.#writeDue().finally(() => {
        this.#writing = null;
        this.#schedule();
      });
    });
  }

  async #writeDue(): Promise<void> {
    const { clock } = this.#options;
    for (const series of this.#pending()) {
      if (series.writtenAtMs + againMs > clock.nowMs()) continue;
      series.isPending = false;
      series.writtenAtMs = clock.nowMs();
      try {
        await this.#write(series);
        this.#faults.over('events');
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        this.#faults.tell('events', { message: 'cannot write events', error });
      }
    }
  }

  async #write(series: Series): Promise<void> {
    const { api, clock, instance } = this.#options;
    const { object, type, reason, message } = series.event;
    const { signal } = this.#stop;
    const path = `/api/v1/namespaces/${encodeURIComponent(object.namespace)}/events`;
    const [firstTimestamp, lastTimestamp] = [series.firstAtMs, series.lastAtMs].map(secondOf);
    const changing = { count: series.count, lastTimestamp, message: message.slice(0, maxMessageLength) };
    if (series.name !== null) {
      const patch = { method: 'PATCH', patchType: 'application/merge-patch+json', signal } as const;
      try {
        await api.call({ ...patch, path: `${path}/${series.name}`, body: changing });
        return;
      } catch (error) {
        if (!(error instanceof KubeError) || error.status !== 404) throw error;
      }
    }
    const suffix = Math.floor(clock.wallMs() * 1_000).toString(16);
    const name = `${object.name.slice(0, 200)}.${reason.toLowerCase()}.${suffix}`;
    const metadata = { name, namespace: object.namespace };
    const source = { source: { component: fieldManager }, reportingComponent: fieldManager };
    const body = { metadata, involvedObject: object, type, reason, firstTimestamp, ...changing, ...source };
    await api.call({ method: 'POST', path, body: { ...body, reportingInstance: instance }, signal });
    series.name = name;
  }
}

function secondOf(wallMs: number): string {
  return new Date(wallMs).toISOString().replace(/\.\d+Z$/, 'Z');
}
