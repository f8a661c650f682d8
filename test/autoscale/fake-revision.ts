import type { Revision, RevisionOwner } from '../../src/autoscale/lineage.ts';
import type { ModelSettings } from '../../src/config/settings.ts';
import type { WakeInfo } from '../../src/core/gate.ts';

/** A revision whose state the test sets; it ends when the test says so, or at once with nobody waiting or running. */
export class FakeRevision implements Revision {
  settings: ModelSettings;
  readonly owner: RevisionOwner<FakeRevision>;
  readonly generation: number;
  /** What it was told, in order. */
  readonly told: string[] = [];
  waiters: string[] = [];
  running = 0;
  readyReplicas = 0;
  hasFailed = false;
  state = 'held';
  readonly activator = {
    warm: () => this.#tell('warm'),
    stop: () => this.#tell('stop', 'draining'),
    pause: () => this.#tell('pause', 'paused'),
    resume: () => this.#tell('resume', 'cold'),
  };
  readonly #ended = Promise.withResolvers<void>();

  constructor(settings: ModelSettings, owner: RevisionOwner<FakeRevision>) {
    this.settings = settings;
    this.owner = owner;
    this.generation = owner.generation;
  }

  get waiting(): number {
    return this.waiters.length;
  }

  wakeInfo(): WakeInfo {
    return { state: this.state, step: null, detail: null, etaMs: null, sinceMs: null };
  }

  configure(settings: ModelSettings): void {
    this.settings = settings;
    this.told.push('configure');
  }

  inFlightAt(): number {
    return this.running;
  }

  start(): void {
    if (this.told.includes('start')) return;
    this.#tell('start', this.state === 'paused' ? 'paused' : 'cold');
  }

  retire(_signal: AbortSignal, { keepsReplicas }: { readonly keepsReplicas: boolean }): Promise<void> {
    this.told.push(keepsReplicas ? 'retire and keep' : 'retire');
    return this.#ended.promise;
  }

  async close(): Promise<void> {
    this.told.push('close');
    this.#ended.resolve();
  }

  /** Its last request has ended. */
  end(): void {
    this.#ended.resolve();
  }

  failToEnd(error: Error): void {
    this.#ended.reject(error);
  }

  become(state: string): void {
    this.state = state;
    this.readyReplicas = state === 'ready' ? 1 : 0;
    this.hasFailed = state === 'failed';
    this.owner.changed(this);
  }

  #tell(what: string, state = this.state): void {
    this.told.push(what);
    this.state = state;
  }
}
