import type { Removal, ScaleRequest, TargetCondition } from '../../core/driver.ts';
import { KubeError } from '../../kube/api.ts';
import { isMarked, markPods } from './deletion-cost.ts';
import type { KubernetesDriverOptions } from './driver-options.ts';
import { ordinalOf } from './pod-order.ts';
import { replicaId } from './pod-replica.ts';
import type { PodView } from './pod-view.ts';
import { type ResolvedTarget, TargetFault } from './scale-target.ts';
import type { Count, WriteLimits } from './scale-writer.ts';
import type { TargetPods } from './target-pods.ts';

export interface VictimsOptions {
  readonly driver: KubernetesDriverOptions;
  readonly resolved: ResolvedTarget;
  readonly targetId: string;
  readonly pods: TargetPods;
}

/** The ReplicaSet controller sees the mark through a cache of its own. */
const settleMs = 200;
const retryDeniedMs = 600_000;

/** Sees to it that a lowered count ends those that were named. */
export class Victims {
  readonly #options: VictimsOptions;
  readonly #marked = new Map<string, PodView>();
  #deniedAtMs: number | null = null;

  constructor(options: VictimsOptions) {
    this.#options = options;
  }

  /** `unknown` while marking pods is forbidden. */
  get removal(): Removal {
    const { removal } = this.#options.resolved;
    return removal === 'victims' && this.#isDenied ? 'unknown' : removal;
  }

  get condition(): TargetCondition | null {
    if (!this.#isDenied) return null;
    const message =
      'pods cannot be marked as the first to end: a Role must grant patch on pods (optional Role of the deployment)';
    return { type: 'NoDeletionCost', message };
  }

  /** Before the count goes down from `from`. Rejects with `TargetFault` where others than those named would end. */
  async prepare({ replicas, victims = [] }: ScaleRequest, from: Count, limits: WriteLimits): Promise<void> {
    if (this.removal === 'unknown') return;
    const named = new Set(victims);
    const pods = [...this.#options.pods.list()].filter((pod) => !pod.isDeleting);
    const isNamed = (pod: PodView) => named.has(replicaId(this.#options.targetId, pod));
    if (this.removal === 'highest-ordinal') return expectHighest(pods, isNamed, from.replicas - replicas);
    await this.#mark(
      pods.filter(isNamed),
      pods.filter((pod) => !isNamed(pod)),
      limits,
    );
  }

  /** After the count was raised: who was named and is still there is no victim any more. */
  spare(signal: AbortSignal): void {
    const { driver, pods } = this.#options;
    const spared = [...pods.list()].filter((pod) => this.#bearsMark(pod) && !pod.isDeleting);
    this.#marked.clear();
    if (spared.length === 0) return;
    const { api, fieldManager, onFault } = driver;
    const marks = { pods: spared, isVictim: false, fieldManager };
    markPods(api, marks, { timeoutMs: 10_000, signal }).catch((error: unknown) => {
      if (!signal.aborted) onFault(error);
    });
  }

  get #isDenied(): boolean {
    const nowMs = this.#options.driver.clock.nowMs();
    return this.#deniedAtMs !== null && nowMs < this.#deniedAtMs + retryDeniedMs;
  }

  /** Also one that another gateway left, or that could not be taken away. */
  #bearsMark(pod: PodView): boolean {
    return this.#marked.has(pod.uid) || isMarked(pod);
  }

  async #mark(victims: readonly PodView[], others: readonly PodView[], limits: WriteLimits): Promise<void> {
    const { api, clock, fieldManager } = this.#options.driver;
    const spared = others.filter((pod) => this.#bearsMark(pod));
    const fresh = victims.filter(({ uid }) => !this.#marked.has(uid));
    try {
      await markPods(api, { pods: spared, isVictim: false, fieldManager }, limits);
      for (const { uid } of spared) this.#marked.delete(uid);
      await markPods(api, { pods: fresh, isVictim: true, fieldManager }, limits);
      this.#deniedAtMs = null;
    } catch (error) {
      if (!(error instanceof KubeError && error.status === 403)) throw error;
      this.#deniedAtMs = clock.nowMs();
      throw new TargetFault('pods cannot be marked as the first to end: patch on pods is not granted');
    }
    for (const pod of fresh) this.#marked.set(pod.uid, pod);
    for (const uid of this.#marked.keys()) if (!this.#options.pods.has(uid)) this.#marked.delete(uid);
    if (fresh.length > 0) await clock.sleep(settleMs, limits.signal);
  }
}

function expectHighest(pods: readonly PodView[], isNamed: (pod: PodView) => boolean, count: number): void {
  const named = pods.filter(isNamed);
  const highest = pods.toSorted((a, b) => (ordinalOf(b) ?? 0) - (ordinalOf(a) ?? 0)).slice(0, count);
  const wrong = named.find((pod) => !highest.includes(pod));
  if (wrong !== undefined)
    throw new TargetFault(
      `pod "${wrong.name}" is not among the ${count} highest, which would end in its place`,
    );
}
