import type { KubernetesBackend } from '../../config/settings.ts';
import type { Cancel } from '../../core/clock.ts';
import type { ScaleRequest, Target, TargetCondition, TargetStatus } from '../../core/driver.ts';
import { addressReplicas } from './address-replica.ts';
import { judgeAutoscalers } from './count-rivals.ts';
import type { KubernetesDriverOptions } from './driver-options.ts';
import type { CrashLine, CrashLogs } from './fault-log.ts';
import type { SilentExit } from './fault-verdict.ts';
import { meshCondition } from './mesh.ts';
import type { NamespaceEvents } from './namespace-events.ts';
import { type PodRecord, replicaOf } from './pod-replica.ts';
import type { PodView } from './pod-view.ts';
import { faultOf, resolveTarget, TargetFault } from './scale-target.ts';
import { StatusTeller } from './status-teller.ts';
import { TargetCount } from './target-count.ts';
import { autoscalerPaths, TargetSources } from './target-sources.ts';
import { tlsCondition } from './tls-port.ts';

export interface KubeTargetOptions {
  readonly driver: KubernetesDriverOptions;
  readonly target: Target<KubernetesBackend>;
  readonly logs: CrashLogs;
  useEvents(namespace: string): { readonly index: NamespaceEvents; release(): void };
}

const firstRetryMs = 500;
const maxRetryMs = 10_000;

/** One scale target: what is seen of it, and its count. */
export class KubeTarget {
  readonly #options: KubeTargetOptions;
  readonly #stop = new AbortController();
  readonly #teller: StatusTeller;
  #backend: KubernetesBackend;
  #sources: TargetSources | null = null;
  #count: TargetCount | null = null;
  #refusal: TargetFault | null = null;
  #opened: Promise<void>;
  #cancelDue: Cancel | null = null;
  readonly #openedAtMs: number;

  constructor(options: KubeTargetOptions) {
    this.#options = options;
    this.#backend = options.target.backend;
    this.#openedAtMs = options.driver.clock.nowMs();
    this.#teller = new StatusTeller(() => this.#snapshot(), options.driver.onFault);
    this.#opened = this.#open();
    void this.#openUntilDone();
  }

  watch(onStatus: (status: TargetStatus) => void, signal: AbortSignal): Promise<void> {
    return this.#teller.watch(onStatus, signal);
  }

  /** Looks whether the settings are other objects than before, and obeys them. */
  checkSettings(): void {
    if (this.#options.target.backend === this.#backend) return;
    this.#backend = this.#options.target.backend;
    this.#teller.plan();
  }

  async scale(request: ScaleRequest, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await this.#opened;
    signal.throwIfAborted();
    if (this.#count === null) throw this.#refusal ?? new TargetFault('the target was given up');
    const refusal = this.#rival() ?? this.#count.denial();
    if (refusal !== null) throw refusal;
    await this.#count.scale(request, signal);
  }

  close(): void {
    this.#stop.abort();
    this.#cancelDue?.();
    this.#count?.close();
    this.#sources?.close();
    this.#sources = null;
  }

  async #openUntilDone(): Promise<void> {
    const { signal } = this.#stop;
    await this.#opened;
    for (let ms = firstRetryMs; this.#count === null && !signal.aborted; ms = Math.min(maxRetryMs, ms * 2)) {
      try {
        await this.#options.driver.clock.sleep(ms, signal);
      } catch {
        return; // Closed.
      }
      this.#opened = this.#open();
      await this.#opened;
    }
  }

  /** Never rejects: what went wrong is told as the target's failure. */
  async #open(): Promise<void> {
    const { driver, target, useEvents } = this.#options;
    const { scaleTarget } = target.backend;
    const { signal } = this.#stop;
    try {
      const resolved = await resolveTarget(driver, target.backend, signal);
      const paths = await autoscalerPaths(driver.resources, resolved.namespace, signal);
      if (signal.aborted) return;
      const changed = () => this.#teller.plan();
      this.#sources = new TargetSources({
        mirrors: driver.mirrors,
        resolved,
        events: useEvents(resolved.namespace),
        autoscalerPaths: paths,
        onChange: changed,
        onOwnerEvent: (event) => this.#count?.takeEvent(event),
      });
      this.#count = new TargetCount({
        driver,
        resolved,
        targetId: target.id,
        sources: this.#sources,
        backend: () => this.#backend,
        onChange: changed,
        onCount: () => this.#teller.flush(),
      });
      this.#refusal = null;
    } catch (error) {
      if (signal.aborted) return;
      this.#refusal = faultOf(error, `${scaleTarget.kind} "${scaleTarget.name}"`);
    }
    this.#teller.plan();
  }

  #snapshot(): TargetStatus {
    const sources = this.#sources;
    const count = this.#count;
    if (sources === null || count === null)
      return { replicas: [], isStale: true, ...failureOf(this.#refusal) };
    count.look();
    const service = this.#backend.service ?? count.resolved.service;
    const around = {
      targetId: this.#options.target.id,
      backend: this.#backend,
      namespace: count.resolved.namespace,
      service,
      serviceOf: (name: string) => sources.serviceOf(name),
      slices: sources.slicesOf(service),
      nowMs: this.#options.driver.clock.nowMs(),
    };
    let dueMs = count.dueMs(around.nowMs);
    const replicas = [...sources.pods.list()].flatMap((pod) => {
      const events = sources.events.of(pod.uid);
      const record = sources.pods.recordOf(pod);
      const lineOf = (exit: SilentExit) => this.#lineOf(pod, exit, record);
      const replica = replicaOf(pod, record, { ...around, events, lineOf });
      if (replica === null) return [];
      if (replica.dueMs !== null) dueMs = Math.min(dueMs ?? replica.dueMs, replica.dueMs);
      const patchedMs = count.raisedAtMs;
      if (patchedMs === null) return [replica.status];
      const steps = [{ name: 'patched', atMs: patchedMs }, ...replica.status.steps];
      const isOfRaise = replica.status.steps.every(({ atMs }) => atMs >= patchedMs);
      return [isOfRaise ? { ...replica.status, steps } : replica.status];
    });
    replicas.push(...addressReplicas({ ...around, nowMs: this.#openedAtMs }, around.slices));
    this.#wakeAt(dueMs);
    const conditions = this.#conditions();
    return {
      replicas,
      ...failureOf(this.#rival() ?? count.failure()),
      ...(count.desired === null ? {} : { desired: count.desired }),
      // Through a Service nobody knows which pod has which request.
      removal: replicas.some(({ isShared }) => isShared) ? 'unknown' : count.removal,
      ...(sources.isFresh ? {} : { isStale: true }),
      ...(conditions.length === 0 ? {} : { conditions }),
    };
  }

  #lineOf(pod: PodView, exit: SilentExit, { lineByContainer }: PodRecord): CrashLine {
    return this.#options.logs.lineOf(pod, exit, { lineByContainer, onRead: () => this.#teller.plan() });
  }

  #rival(): TargetFault | null {
    if (this.#sources === null || this.#count === null || this.#backend.owner === 'external') return null;
    const rival = judgeAutoscalers(this.#sources.autoscalers, this.#count.resolved);
    return rival && new TargetFault(rival.reason, rival.fault);
  }

  #conditions(): TargetCondition[] {
    const conditions = [...(this.#count?.conditions() ?? [])];
    const rival = this.#rival();
    if (rival !== null) conditions.push({ type: 'OwnedByAutoscaler', message: rival.message });
    const service = this.#backend.service ?? this.#count?.resolved.service ?? null;
    const mesh = meshCondition(this.#sources?.pods.list() ?? [], this.#backend, service);
    if (mesh !== null) conditions.push(mesh);
    const tls = this.#sources && tlsCondition(this.#sources.pods.list(), this.#backend);
    if (tls !== null) conditions.push(tls);
    if (this.#sources !== null && !this.#sources.isFresh) {
      const message = `the cluster is not seen: ${this.#sources.obstacle ?? 'no watch is open'}`;
      conditions.push({ type: 'Stale', message });
    }
    return conditions;
  }

  #wakeAt(dueMs: number | null): void {
    this.#cancelDue?.();
    this.#cancelDue = null;
    if (dueMs === null || this.#stop.signal.aborted) return;
    this.#cancelDue = this.#options.driver.clock.setTimer(dueMs, () => this.#teller.plan());
  }
}

function failureOf(fault: TargetFault | null): Pick<TargetStatus, 'failure' | 'fault'> {
  if (fault === null) return {};
  return { failure: fault.message, ...(fault.fault === undefined ? {} : { fault: fault.fault }) };
}
