import { needsNewReplicas } from '../config/model-parts.ts';
import type { ModelSettings } from '../config/settings.ts';
import type { Clock } from '../core/clock.ts';
import type { WakeInfo } from '../core/gate.ts';
import { type Candidate, isAway, Rollout } from './rollout.ts';

/** One revision of a model at work, as its lineage sees it. */
export interface Revision extends Candidate {
  /** Requests in its queue. */
  readonly waiting: number;
  wakeInfo(): WakeInfo;
  /** Takes settings that need no new replicas. */
  configure(model: ModelSettings): void;
  /** Requests that it has running at a server (`http://host:port`). */
  inFlightAt(server: string): number;
  /**
   * Ends after everybody who waits or runs there has been served, or when the signal aborts. `keepsReplicas`: the model
   * leaves the configuration, and replicas that a platform keeps are left to it.
   */
  retire(signal: AbortSignal, options: { readonly keepsReplicas: boolean }): Promise<void>;
  close(): Promise<void>;
}

/** What a revision tells and asks its lineage. */
export interface RevisionOwner<R> {
  /** 1 for the first revision, more for each that follows; read once, when it is made. */
  readonly generation: number;
  /** Requests that other revisions of the model have running at this server. */
  othersAt(from: R, server: string): number;
  /** It cannot serve who waits: true when another revision has taken them. */
  rescue(from: R): boolean;
  /** Somebody waits there: true when another revision has taken its place, and will be given them. */
  givesOn(from: R): boolean;
  /** Its state may have changed; told within a call of activation. */
  changed(from: R): void;
  /** A start failed; the next may be tried after `retryInMs`. */
  startFailed(from: R, reason: string, retryInMs: number): void;
}

/** What happened, for logs. */
export type LineageEvent =
  | { readonly type: 'rollout-began' }
  /** The new revision did not start, and the old one stays in service; it is tried again. */
  | { readonly type: 'rollout-start-failed'; readonly reason: string; readonly retryInMs: number }
  /** The new one's startup time has passed, and the old one stays in service. */
  | { readonly type: 'rollout-not-ready' }
  | { readonly type: 'rollout-in-service' }
  | { readonly type: 'retiring-failed'; readonly error: unknown };

/** What a lineage works with. */
export interface LineageOptions<R extends Revision> {
  readonly clock: Clock;
  /** Makes a revision that is not started yet. */
  create(model: ModelSettings, owner: RevisionOwner<R>): R;
  /** Takes everybody who waits at one to the other, in their order; also called when nobody does. */
  giveWaiters(from: R, to: R): void;
  onEvent(event: LineageEvent): void;
  /** The gateway ends. */
  readonly signal: AbortSignal;
}

/**
 * One model over its configurations: the revision in service, the one that is to follow it, and those that end. A
 * changed one starts first and takes over when ready, or with `stop-first` holds the waiters until the old one ended.
 */
export class Lineage<R extends Revision> implements RevisionOwner<R> {
  generation = 0;
  readonly #options: LineageOptions<R>;
  readonly #rollout: Rollout<R>;
  readonly #ending = new Set<R>();
  #current: R;
  #isRemoved = false;

  constructor(model: ModelSettings, options: LineageOptions<R>) {
    this.#options = options;
    this.#rollout = new Rollout({
      clock: options.clock,
      current: () => this.#current,
      onDue: () => this.#switchTo(this.#rollout.take()!),
      onOverdue: () => options.onEvent({ type: 'rollout-not-ready' }),
    });
    this.#current = this.#create(model);
    this.#current.start();
  }

  /** The revision that takes requests. */
  get entry(): R {
    return this.#current;
  }

  /** Removed, and nothing of it is left. */
  get isGone(): boolean {
    return this.#isRemoved && this.#ending.size === 0;
  }

  /** Who is to follow, while it starts; null: nobody. */
  get next(): R | null {
    return this.#rollout.next;
  }

  /** Those that serve what they have and take nothing new. */
  get ending(): readonly R[] {
    return [...this.#ending];
  }

  /** All of them, once each. */
  get all(): readonly R[] {
    return [...new Set([this.#current, this.next, ...this.#ending])].filter((one) => one !== null);
  }

  #create(model: ModelSettings): R {
    this.generation++;
    return this.#options.create(model, this);
  }

  /** Takes changed settings, in place or by another revision; also those of a model that was removed before. */
  configure(model: ModelSettings): void {
    const current = this.#current;
    const isStopFirst = model.revision.rollout === 'stop-first';
    if (!this.#isRemoved && !needsNewReplicas(current.settings, model)) {
      this.#abandonNext();
      current.configure(model);
      return;
    }
    // Until another takes over, the revision in service follows the model's settings and keeps its own.
    if (!this.#isRemoved) current.configure({ ...model, revision: current.settings.revision });
    const { next } = this.#rollout;
    if (next !== null && !isStopFirst && !needsNewReplicas(next.settings, model)) {
      next.configure(model);
      return;
    }
    this.#abandonNext();
    const fresh = this.#create(model);
    if (this.#isRemoved || isStopFirst || isAway(current)) this.#switchTo(fresh, isStopFirst);
    else {
      this.#options.onEvent({ type: 'rollout-began' });
      this.#rollout.begin(fresh);
    }
  }

  /** Serves who waits and runs, then ends. */
  remove(): void {
    this.#abandonNext();
    this.#isRemoved = true;
    this.#retire(this.#current, { keepsReplicas: true });
  }

  #abandonNext(): void {
    const next = this.#rollout.take();
    if (next !== null) this.#retire(next);
  }

  /** `next` takes what comes from now on, and who waits, in their order; what runs at the old one ends there. */
  #switchTo(next: R, isStopFirst = false): void {
    const old = this.#current;
    const wasRemoved = this.#isRemoved;
    this.#isRemoved = false;
    this.#current = next;
    // From here on: what runs there counts against the limits of the next one.
    if (!wasRemoved) this.#ending.add(old);
    if (old.wakeInfo().state === 'paused') next.activator.pause();
    if (!wasRemoved) this.#options.giveWaiters(old, next);
    if (!isStopFirst) next.start();
    if (!wasRemoved) this.#retire(old);
    this.#startHeld();
    this.#options.onEvent({ type: 'rollout-in-service' });
  }

  #retire(runtime: R, options = { keepsReplicas: false }): void {
    this.#ending.add(runtime);
    const retired = runtime.retire(this.#options.signal, options);
    retired.catch((error: unknown) => this.#options.onEvent({ type: 'retiring-failed', error }));
    const ended = () => this.#ending.delete(runtime) && this.#startHeld();
    retired.then(ended, ended);
  }

  /** A revision that had to wait for the end of those before it starts. */
  #startHeld(): void {
    const current = this.#current;
    if (this.#options.signal.aborted || (this.#isRemoved && current.waiting === 0)) return;
    if (![...this.#ending].some((runtime) => runtime !== current)) current.start();
  }

  changed(from: R): void {
    if (this.#rollout.next === null) return;
    queueMicrotask(() => {
      if (this.#options.signal.aborted) return;
      this.#rollout.review();
      if (from === this.#current) this.#rollout.warm();
    });
  }

  startFailed(from: R, reason: string, retryInMs: number): void {
    if (from !== this.#rollout.next) return;
    this.#options.onEvent({ type: 'rollout-start-failed', reason, retryInMs });
    this.#rollout.failed(retryInMs);
  }

  othersAt(from: R, server: string): number {
    return this.all.reduce((sum, one) => sum + (one === from ? 0 : one.inFlightAt(server)), 0);
  }

  rescue(from: R): boolean {
    const { next } = this.#rollout;
    if (from === next) return false;
    if (from !== this.#current) this.#options.giveWaiters(from, this.#current);
    else if (next === null || next.hasFailed) return false;
    else this.#switchTo(this.#rollout.take()!);
    return true;
  }

  givesOn(from: R): boolean {
    if (from === this.#current || from === this.#rollout.next) return false;
    queueMicrotask(() => this.#options.giveWaiters(from, this.#current));
    return true;
  }

  warm(): void {
    this.#current.activator.warm();
    this.#rollout.next?.activator.warm();
  }

  stop(): void {
    this.#settleFor((runtime) => runtime.activator.stop());
  }

  pause(): void {
    this.#settleFor((runtime) => runtime.activator.pause());
  }

  resume(): void {
    this.#current.activator.resume();
    this.#rollout.next?.activator.resume();
  }

  /** Nothing is to run: no need to wait for the new revision, unless it is known not to start. */
  #settleFor(command: (runtime: R) => void): void {
    const { next } = this.#rollout;
    if (next?.hasFailed === false) this.#switchTo(this.#rollout.take()!);
    if (next?.hasFailed) command(next);
    command(this.#current);
  }

  async close(): Promise<void> {
    const { all } = this;
    this.#rollout.take();
    await Promise.all(all.map((runtime) => runtime.close()));
  }
}
