import { isDeepStrictEqual } from 'node:util';
import type { Cancel, Clock } from '../core/clock.ts';
import type { Leadership } from '../core/leadership.ts';
import { type KubeApi, KubeError } from '../kube/api.ts';
import { FaultPace, type OnDiscoveryFault } from './fault.ts';
import { type ModelReport, type ModelStatus, statusOf, steadyPart } from './model-status.ts';
import { fieldsOf, type SourceObject } from './projection.ts';
import { fieldManager } from './vocabulary.ts';

const steadyMs = 1_000;
const livelyMs = 5_000;
/** Per model reported: many busy models together write four times a second at most. */
const shareMs = 250;
const forbiddenMs = 600_000;
const firstBackOffMs = 1_000;
const longestBackOffMs = 60_000;
/** What the API server says of a JSON patch whose test failed; of what its schema refuses it says what. */
const failedTest = 'the server rejected our request';

/** What a reporter depends on. `objectOf`: as of Discovery. */
export interface ModelReporterOptions {
  readonly api: KubeApi;
  readonly clock: Clock;
  readonly leadership: Leadership;
  objectOf(key: string): SourceObject | undefined;
  readonly onFault: OnDiscoveryFault;
}

interface Entry {
  report: ModelReport;
  /** What was written to which object; null: the object's own status counts. */
  written: { readonly uid: string; readonly status: ModelStatus } | null;
  writtenAtMs: number;
  backOffMs: number;
  notBeforeMs: number;
  dueAtMs: number;
}

/** Writes the status of Model objects. */
export interface ModelReporter {
  /** Takes the newest report of a model; what has no Model object is left alone. */
  update(report: ModelReport): void;
  forget(key: string): void;
  close(): Promise<void>;
}

/**
 * The reporter of the leader: writes what changed, one object after the other, each at most once a second, and where
 * only counts of requests or the ETA changed at most each 5 s (each 250 ms times the number of models, if that is more).
 */
export function createModelReporter(options: ModelReporterOptions): ModelReporter {
  return new StatusReporter(options);
}

class StatusReporter implements ModelReporter {
  readonly #options: ModelReporterOptions;
  readonly #faults: FaultPace;
  readonly #entries = new Map<string, Entry>();
  readonly #stop = new AbortController();
  readonly #stopListening: () => void;
  #term = new AbortController();
  #cancelTimer: Cancel | null = null;
  #pumping: Promise<void> | null = null;

  constructor(options: ModelReporterOptions) {
    this.#options = options;
    this.#faults = new FaultPace(options.clock, options.onFault);
    this.#stopListening = options.leadership.onChange(() => this.#onLeadership());
  }

  update(report: ModelReport): void {
    const entry = this.#entries.get(report.key);
    const fresh = { written: null, writtenAtMs: -livelyMs, backOffMs: 0, notBeforeMs: 0, dueAtMs: Infinity };
    if (entry === undefined) this.#entries.set(report.key, { ...fresh, report });
    else entry.report = report;
    this.#judge(this.#entries.get(report.key)!);
    this.#schedule();
  }

  forget(key: string): void {
    this.#entries.delete(key);
  }

  async close(): Promise<void> {
    this.#stopListening();
    this.#stop.abort();
    this.#term.abort();
    this.#cancelTimer?.();
    await this.#pumping;
  }

  #onLeadership(): void {
    this.#term.abort();
    this.#term = new AbortController();
    for (const entry of this.#entries.values()) {
      entry.written = null;
      this.#judge(entry);
    }
    this.#schedule();
  }

  /** Says when the entry is to be written; returns what. */
  #judge(entry: Entry): { object: SourceObject; status: ModelStatus } | null {
    const { clock, leadership, objectOf } = this.#options;
    entry.dueAtMs = Number.POSITIVE_INFINITY;
    const object = objectOf(entry.report.key);
    if (!leadership.isLeader || object?.door !== 'model') return null;
    const before = entry.written?.uid === object.uid ? entry.written.status : object.status;
    const status = statusOf(entry.report, {
      ...{ generation: object.generation, wallMs: clock.wallMs(), before },
    });
    const known = normalised(before, status);
    if (isDeepStrictEqual(known, status)) return null;
    const isSteadySame = known !== null && isDeepStrictEqual(steadyPart(known), steadyPart(status));
    const pauseMs = isSteadySame ? Math.max(livelyMs, shareMs * this.#entries.size) : steadyMs;
    entry.dueAtMs = Math.max(entry.writtenAtMs + pauseMs, entry.notBeforeMs, clock.nowMs());
    return { object, status };
  }

  #schedule(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    if (this.#pumping !== null || this.#stop.signal.aborted) return;
    const dueAtMs = [...this.#entries.values()].reduce((least, e) => Math.min(least, e.dueAtMs), Infinity);
    if (dueAtMs === Number.POSITIVE_INFINITY) return;
    this.#cancelTimer = this.#options.clock.setTimer(dueAtMs, () => {
      this.#pumping = this.#pump().finally(() => {
        this.#pumping = null;
        this.#schedule();
      });
    });
  }

  async #pump(): Promise<void> {
    for (const entry of [...this.#entries.values()]) {
      if (entry.dueAtMs > this.#options.clock.nowMs() || this.#stop.signal.aborted) continue;
      const due = this.#judge(entry);
      if (due !== null) await this.#write(entry, due);
      this.#judge(entry);
    }
  }

  async #write(
    entry: Entry,
    { object, status }: { object: SourceObject; status: ModelStatus },
  ): Promise<void> {
    const { api, clock } = this.#options;
    const { apiVersion, namespace, name, uid } = object;
    const path = `/apis/${apiVersion}/namespaces/${namespace}/models/${encodeURIComponent(name)}/status`;
    const { signal } = this.#term;
    try {
      await api.call({
        ...{ method: 'PATCH', patchType: 'application/json-patch+json', signal },
        path: `${path}?fieldManager=${fieldManager}`,
        // A uid in a merge patch of a status is overlooked: this alone keeps another object of the name as it is.
        body: [
          { op: 'test', path: '/metadata/uid', value: uid },
          { op: 'add', path: '/status', value: withoutNulls(status) },
        ],
      });
      entry.written = { uid, status };
      entry.backOffMs = 0;
      this.#faults.over(`status ${entry.report.key}`);
    } catch (error) {
      if (!signal.aborted) this.#onFailure(entry, error);
    }
    entry.writtenAtMs = clock.nowMs();
  }

  /** An object that is gone, or another of its name, is left to what the mirror says next. */
  #onFailure(entry: Entry, error: unknown): void {
    const status = error instanceof KubeError ? error.status : 0;
    const { key } = entry.report;
    entry.backOffMs = Math.min(longestBackOffMs, Math.max(firstBackOffMs, entry.backOffMs * 2));
    const waitMs = status === 403 ? forbiddenMs : entry.backOffMs;
    entry.notBeforeMs = this.#options.clock.nowMs() + waitMs;
    if (status === 404 || isOther(error)) return;
    const topic = status === 403 ? 'status forbidden' : `status ${key}`;
    this.#faults.tell(topic, { message: `cannot write the status of ${key}`, error });
  }
}

/** That the object of this name is another than was meant (a failed test of its uid), or was changed meanwhile. */
function isOther(error: unknown): boolean {
  if (!(error instanceof KubeError)) return false;
  return error.status === 409 || (error.status === 422 && error.message.includes(failedTest));
}

function withoutNulls(status: ModelStatus): object {
  return Object.fromEntries(Object.entries(status).filter(([, value]) => value !== null));
}

/** What stands in an object, in the shape of what would be written; null for what is no status. */
function normalised(before: unknown, status: ModelStatus): ModelStatus | null {
  if (before === null) return null;
  const known = fieldsOf(before);
  const taken = Object.keys(status).map((field) => [field, known[field] ?? null]);
  return Object.fromEntries(taken) as unknown as ModelStatus;
}
