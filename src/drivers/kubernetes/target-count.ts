import type { KubernetesBackend } from '../../config/settings.ts';
import type { Removal, ScaleRequest, TargetCondition } from '../../core/driver.ts';
import { KubeError } from '../../kube/api.ts';
import { Contest } from './count-rivals.ts';
import type { KubernetesDriverOptions } from './driver-options.ts';
import type { EventView } from './fault-events.ts';
import { parseSelector } from './label-selector.ts';
import { OwnerEvents } from './owner-events.ts';
import { ScaleApi } from './scale-api.ts';
import { isNewer, type ScaleObject } from './scale-object.ts';
import { ScaleReader, type ScaleReading } from './scale-reader.ts';
import { faultOf, type ResolvedTarget, type TargetFault } from './scale-target.ts';
import { type Count, ScaleWriter } from './scale-writer.ts';
import type { TargetSources } from './target-sources.ts';
import { Victims } from './victims.ts';

export interface TargetCountOptions {
  readonly driver: KubernetesDriverOptions;
  readonly resolved: ResolvedTarget;
  readonly targetId: string;
  readonly sources: TargetSources;
  backend(): KubernetesBackend;
  onChange(): void;
  /** The count was written or read: to be told before `scale` resolves. */
  onCount(): void;
}

/** The count of a target: what it is, who changes it, and its selector. */
export class TargetCount {
  readonly #options: TargetCountOptions;
  readonly #stop = new AbortController();
  readonly #writer: ScaleWriter;
  readonly #victims: Victims;
  readonly #reader: ScaleReader;
  readonly #contest = new Contest(({ manager }) => manager === this.#options.driver.fieldManager);
  readonly #ownerEvents = new OwnerEvents();
  /** What was written or read here last. */
  #last: (Count & { readonly isOwn: boolean }) | null = null;
  #selector: string | null = null;
  #fault: TargetFault | null = null;
  /** Its scale could not be read. */
  #readFault: TargetFault | null = null;
  #raisedAtMs: number | null = null;
  /** The last write that was sent: the new count and its first pod may be seen before its answer. */
  #sent = { replicas: 0, isRaise: false };

  constructor(options: TargetCountOptions) {
    this.#options = options;
    const { driver, resolved, sources, targetId } = options;
    this.#victims = new Victims({ driver, resolved, targetId, pods: sources.pods });
    const api = new ScaleApi(driver, resolved);
    this.#reader = new ScaleReader({
      api,
      clock: driver.clock,
      onRead: (scale) => this.#takeScale(scale),
      onFailed: (error) => {
        this.#readFault = faultOf(error, `reading the scale of "${resolved.name}"`);
        options.onChange();
      },
      signal: this.#stop.signal,
    });
    const sent = (replicas: number) => {
      this.#sent = { replicas, isRaise: replicas > (this.#newest()?.replicas ?? 0) };
      if (this.#sent.isRaise) this.#raisedAtMs = driver.clock.nowMs();
      return api;
    };
    this.#writer = new ScaleWriter({
      store: {
        known: () => this.#known(),
        read: (limits) => api.read(limits),
        write: (...call) => sent(call[1]).write(...call),
        writeWhereCounted: (...call) => sent(call[1]).writeWhereCounted(...call),
      },
      clock: driver.clock,
      leadership: driver.leadership,
      leadsFor: () => driver.leadsFor(),
      isExternal: () => options.backend().owner === 'external',
      isStale: () => !sources.isFresh,
      prepare: (request, from, limits) => this.#victims.prepare(request, from, limits),
      onCount: (count, isOwn) => this.#take(count, isOwn),
      signal: this.#stop.signal,
    });
  }

  get resolved(): ResolvedTarget {
    return this.#options.resolved;
  }

  get removal(): Removal {
    return this.#victims.removal;
  }

  /** `nowMs` at which the count was raised here last, while that start goes on. */
  get raisedAtMs(): number | null {
    return this.#raisedAtMs;
  }

  /** What the cluster asks for; null: not known, or being written. */
  get desired(): number | null {
    return this.#writer.isBusy && this.#last === null ? null : (this.#newest()?.replicas ?? null);
  }

  async scale(request: ScaleRequest, signal: AbortSignal): Promise<void> {
    this.#fault = null;
    this.#ownerEvents.clear();
    try {
      await this.#writer.scale(request, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      this.#raisedAtMs = null;
      const fault = faultOf(error, `scaling ${this.resolved.resource.kind} "${this.resolved.name}"`);
      // What has no kind passes (no lease, an old view): it is no failure of the target.
      if (fault.fault !== undefined) this.#fault = fault;
      this.#options.onChange();
      throw fault;
    }
  }

  /** A controller tells of the target: kept until the count is changed here. */
  takeEvent(event: EventView): void {
    this.#ownerEvents.take(event);
    this.#options.onChange();
  }

  /** Takes what the mirror has: selector, and changes by others. */
  look(): void {
    const { sources, resolved } = this.#options;
    const object = this.#object();
    if (object === undefined) return;
    this.#contest.name(object);
    if (this.#fault?.fault === 'missing') this.#fault = null;
    if (resolved.isPlain && object.selector !== null) this.#select(object.selector);
    if (!resolved.isPlain) this.#reader.look(object.resourceVersion);
    const last = this.#last;
    const isOthers =
      last?.isOwn &&
      !this.#writer.isBusy &&
      isNewer(object.resourceVersion, last.resourceVersion) &&
      object.replicas !== last.replicas;
    if (isOthers && resolved.isPlain) {
      this.#contested(object);
      this.#last = { replicas: object.replicas ?? 0, resourceVersion: object.resourceVersion, isOwn: false };
    }
    if (sources.pods.size >= (this.desired ?? Number.POSITIVE_INFINITY)) this.#ownerEvents.clear();
  }

  /** What of the target may not be seen; then nothing is scaled either. */
  denial(): TargetFault | null {
    const { sources, resolved } = this.#options;
    const what = `seeing ${resolved.resource.kind} "${resolved.name}"`;
    for (const fault of [sources.object.fault, sources.pods.fault])
      if (fault?.status === 403)
        return faultOf(new KubeError(fault.message, { status: 403, reason: 'Forbidden' }), what);
    return null;
  }

  failure(): TargetFault | null {
    const { sources, resolved } = this.#options;
    const what = `${resolved.resource.kind} "${resolved.name}"`;
    const denial = this.denial();
    if (denial !== null) return denial;
    if (sources.object.isFresh && this.#object() === undefined)
      return faultOf(new Error('it does not exist'), what).as('missing');
    if (this.#fault !== null) return this.#fault;
    if (this.#readFault?.fault !== undefined) return this.#readFault;
    const { verdict } = this.#ownerEvents;
    return verdict && faultOf(new Error(verdict.reason ?? ''), what).as(verdict.fault);
  }

  conditions(): TargetCondition[] {
    const nowMs = this.#options.driver.clock.nowMs();
    const fault = this.#readFault;
    const unread =
      fault && fault.fault === undefined ? { type: 'ScaleUnread', message: fault.message } : null;
    return [this.#contest.condition(nowMs), this.#victims.condition, unread].filter(
      (found) => found !== null,
    );
  }

  dueMs(nowMs: number): number | null {
    return this.#contest.dueMs(nowMs);
  }

  close(): void {
    this.#stop.abort(new Error('the target is not watched any more'));
    this.#reader.close();
  }

  #object(): ScaleObject | undefined {
    const { resolved, sources } = this.#options;
    return sources.object.get(resolved.namespace, resolved.name);
  }

  /** By the mirror or by the last call, whichever is newer. */
  #newest(): Count | null {
    const object = this.#object();
    const seen =
      object === undefined || !this.resolved.isPlain || object.replicas === null
        ? null
        : { replicas: object.replicas, resourceVersion: object.resourceVersion };
    if (seen === null || this.#last === null) return seen ?? this.#last;
    return isNewer(this.#last.resourceVersion, seen.resourceVersion) ? this.#last : seen;
  }

  #known(): Count | null {
    return this.#options.sources.object.isFresh ? this.#newest() : null;
  }

  #take(count: Count, isOwn: boolean): void {
    if (isOwn && this.#sent.isRaise) this.#victims.spare(this.#stop.signal);
    if (isOwn && count.replicas === 0) this.#raisedAtMs = null;
    const wasOwn = this.#last?.isOwn === true && this.#last.replicas === count.replicas;
    // What a write met; that of a write of our own whose answer was lost is what was sent.
    if (!isOwn && !wasOwn && this.#last?.isOwn && count.replicas !== this.#sent.replicas)
      this.#contested({ owner: null, ...count });
    this.#last = { ...count, isOwn: isOwn || wasOwn };
    this.#options.onCount();
  }

  #select(selector: string): void {
    if (selector === this.#selector) return;
    const matches = parseSelector(selector);
    if (matches === null) return;
    this.#selector = selector;
    this.#options.sources.pods.select(matches);
  }

  /** Of kinds whose count and selector stand anywhere. */
  #takeScale(scale: ScaleReading): void {
    this.#readFault = null;
    this.#select(scale.selector);
    const last = this.#last;
    const isOld = last !== null && isNewer(last.resourceVersion, scale.resourceVersion);
    if (!isOld && !this.#writer.isBusy) {
      if (last?.isOwn && last.replicas !== scale.replicas)
        this.#contested({ owner: null, ...this.#object(), ...scale });
      this.#last = { ...scale, isOwn: last?.isOwn === true && last.replicas === scale.replicas };
    }
    this.#options.onChange();
  }

  #contested(seen: Parameters<Contest['see']>[0]): void {
    this.#contest.see(seen, this.#options.driver.clock.nowMs());
    this.#contest.name(this.#object());
  }
}
