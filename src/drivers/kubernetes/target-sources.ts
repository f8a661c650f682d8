import type { Mirror, MirrorLease, Mirrors } from '../../kube/mirror.ts';
import { collectionPath, type Resources } from '../../kube/resource.ts';
import { type AutoscalerView, projectAutoscaler } from './count-rivals.ts';
import { projectSlice, type SliceView } from './endpoint-slices.ts';
import type { EventView } from './fault-events.ts';
import type { NamespaceEvents } from './namespace-events.ts';
import { type PodView, projectPod } from './pod-view.ts';
import { projectScaleObject, type ScaleObject } from './scale-object.ts';
import type { ResolvedTarget } from './scale-target.ts';
import { projectServicePorts, type ServiceView } from './service-view.ts';
import { TargetPods } from './target-pods.ts';

/** What the sources of a target are opened with. */
export interface TargetSourcesOptions {
  readonly mirrors: Mirrors;
  readonly resolved: ResolvedTarget;
  /** Shared with the other targets of the namespace; given back with `close`. */
  readonly events: { readonly index: NamespaceEvents; release(): void };
  /** Kinds that own counts, where the cluster serves them: paths of their collections. */
  readonly autoscalerPaths: readonly string[];
  onChange(): void;
  /** An event of a controller of the target, not of a pod. */
  onOwnerEvent(event: EventView): void;
}

/** The mirrors that a target is seen through. */
export class TargetSources {
  readonly pods: TargetPods;
  readonly object: Mirror<ScaleObject>;
  readonly autoscalers: readonly Mirror<AutoscalerView>[];
  readonly events: NamespaceEvents;
  readonly #options: TargetSourcesOptions;
  readonly #closers: (() => void)[] = [];
  #service: string | null = null;
  #services: MirrorLease<ServiceView> | null = null;
  #slices: { readonly lease: MirrorLease<SliceView>; readonly unlisten: () => void } | null = null;

  constructor(options: TargetSourcesOptions) {
    this.#options = options;
    const { resolved, onChange } = options;
    this.events = options.events.index;
    this.object = this.#use(collectionPath(resolved.resource, resolved.namespace), projectScaleObject);
    this.#closers.push(
      this.object.listen({
        onSet: ({ name }) => name === resolved.name && onChange(),
        onDelete: ({ name }) => name === resolved.name && onChange(),
        onState: onChange,
      }),
    );
    this.pods = new TargetPods(this.#use<PodView>(this.#core('pods'), projectPod), onChange);
    this.autoscalers = options.autoscalerPaths.map((path) => this.#use(path, projectAutoscaler));
    const changed = { onSet: onChange, onDelete: onChange, onState: onChange };
    for (const mirror of this.autoscalers) this.#closers.push(mirror.listen(changed));
    this.#closers.push(
      this.events.listen((event) => this.#takeEvent(event)),
      () => this.pods.close(),
      () => options.events.release(),
    );
  }

  /** Slices of a Service; the mirror is opened with the first call, and given back when none is named. */
  slicesOf(service: string | null): readonly SliceView[] {
    this.#service = service;
    if (service === null) {
      this.#closeSlices();
      return [];
    }
    this.#slices ??= this.#openSlices();
    return [...this.#slices.lease.mirror.list()].filter((slice) => slice.service === service);
  }

  /** What that Service is; undefined: not known (yet). Its mirror is opened with the first call. */
  serviceOf(name: string): ServiceView | undefined {
    const { mirrors, resolved, onChange } = this.#options;
    if (this.#services === null) {
      this.#services = mirrors.use<ServiceView>({
        path: this.#core('services'),
        project: projectServicePorts,
      });
      const { mirror, release } = this.#services;
      const changed = (view: ServiceView) => view.name === this.#service && onChange();
      this.#closers.push(mirror.listen({ onSet: changed, onDelete: changed, onState: onChange }), release);
    }
    return this.#services.mirror.get(resolved.namespace, name);
  }

  /** All that is needed is seen; whose count it is as well, so that nothing is scaled before that is known. */
  get isFresh(): boolean {
    const hasSlices = this.#slices === null || this.#slices.lease.mirror.isFresh;
    return this.object.isFresh && this.pods.isFresh && hasSlices && this.autoscalers.every(isAnswered);
  }

  /** Why something of it is not seen, in one line; null: nobody said so. */
  get obstacle(): string | null {
    const mirrors = [this.pods, this.object, this.#slices?.lease.mirror, ...this.autoscalers];
    return mirrors.find((mirror) => mirror?.fault)?.fault?.message ?? null;
  }

  close(): void {
    this.#closeSlices();
    for (const close of this.#closers.reverse()) close();
  }

  #use<T extends ScaleObject | PodView | AutoscalerView>(
    path: string,
    project: (object: unknown) => T | null,
  ) {
    const lease = this.#options.mirrors.use<T>({ path, project });
    this.#closers.push(() => lease.release());
    return lease.mirror;
  }

  #core(plural: string): string {
    return `/api/v1/namespaces/${encodeURIComponent(this.#options.resolved.namespace)}/${plural}`;
  }

  #openSlices() {
    const { mirrors, resolved, onChange } = this.#options;
    const namespace = encodeURIComponent(resolved.namespace);
    const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
    const lease = mirrors.use<SliceView>({ path, project: projectSlice });
    const changed = (slice: SliceView) => slice.service === this.#service && onChange();
    const unlisten = lease.mirror.listen({ onSet: changed, onDelete: changed, onState: onChange });
    return { lease, unlisten };
  }

  #closeSlices(): void {
    this.#slices?.unlisten();
    this.#slices?.lease.release();
    this.#slices = null;
  }

  #takeEvent(event: EventView): void {
    const { resolved, onChange, onOwnerEvent } = this.#options;
    if (event.about.kind === 'Pod') {
      if (this.pods.has(event.about.uid)) onChange();
    } else if (isOfOwner(event, resolved)) onOwnerEvent(event);
  }
}

/** It was listed, or may not be, or is not there any more. */
function isAnswered({ isSynced, fault }: Mirror<AutoscalerView>): boolean {
  return isSynced || fault?.status === 403 || fault?.status === 404;
}

/** Of the object itself, or of the ReplicaSet or StatefulSet that its controller made for it. */
function isOfOwner({ about }: EventView, { resource, name }: ResolvedTarget): boolean {
  if (about.kind === resource.kind) return about.name === name;
  const rest = about.name.startsWith(`${name}-`) ? about.name.slice(name.length + 1) : null;
  if (about.kind === 'ReplicaSet') return rest !== null && /^[a-z0-9]+$/.test(rest);
  return about.kind === 'StatefulSet' && (about.name === name || (rest !== null && /^\d+$/.test(rest)));
}

/** Collections of HorizontalPodAutoscalers and ScaledObjects of a namespace, as far as the cluster serves them. */
export async function autoscalerPaths(
  resources: Resources,
  namespace: string,
  signal: AbortSignal,
): Promise<string[]> {
  const paths: string[] = [];
  for (const ref of [
    { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler' },
    { apiVersion: 'keda.sh/v1alpha1', kind: 'ScaledObject' },
  ]) {
    const resource = await resources.find(ref, signal);
    if (resource !== null) paths.push(collectionPath(resource, namespace));
  }
  return paths;
}
