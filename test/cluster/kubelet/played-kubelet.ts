import { systemClock } from '../../../src/core/clock.ts';
import { type KubeApi, KubeError } from '../../../src/kube/api.ts';
import type { Kept, Mirror, Mirrors } from '../../../src/kube/mirror.ts';
import { createMirrors } from '../../../src/kube/mirrors.ts';
import { PlayedNode } from './played-node.ts';
import { type PlayedPod, PodLife } from './pod-life.ts';
import { type PodObject, podPath } from './pod-object.ts';
import { ProcessPod } from './process-pod.ts';
import { Reporter } from './reporter.ts';
import { scriptOf } from './script.ts';

interface KeptPod extends Kept {
  readonly pod: PodObject;
}

interface Playing {
  readonly address: string;
  readonly stop: AbortController;
  readonly life: PlayedPod;
  readonly ended: Promise<void>;
}

/** A pod that is bound to the node; null: another's. */
function podOf(node: string, object: unknown): KeptPod | null {
  const pod = object as PodObject;
  if (pod.spec.nodeName !== node) return null;
  const { uid, namespace, name, resourceVersion } = pod.metadata;
  return { uid, namespace, name, resourceVersion, pod };
}

/** Plays the kubelet of one node: it runs the pods that the scheduler binds to it, each on an address of its own. */
export class PlayedKubelet {
  readonly #api: KubeApi;
  readonly #node: PlayedNode;
  readonly #index: number;
  readonly #playingByUid = new Map<string, Playing>();
  #mirrors: Mirrors | null = null;
  #power = new AbortController();
  #addresses = 0;

  constructor(options: { readonly api: KubeApi; readonly name: string; readonly index: number }) {
    this.#api = options.api;
    this.#index = options.index;
    this.#node = new PlayedNode(options.api, options.name);
  }

  /** Registers the node and runs what is bound to it. */
  async start(): Promise<void> {
    this.#power = new AbortController();
    await this.#node.start();
    const onFault = (path: string, error: unknown) => console.error(`kubelet ${path}: ${String(error)}`);
    this.#mirrors = createMirrors({ api: this.#api, clock: systemClock, random: Math.random, onFault });
    const { mirror } = this.#mirrors.use<KeptPod>({
      path: '/api/v1/pods',
      project: (object) => podOf(this.#node.name, object),
    });
    mirror.listen({ onSet: ({ pod }) => this.#onPod(pod), onDelete: ({ pod }) => void this.#forget(pod) });
    await this.#take(mirror);
  }

  /** As a node that lost its power: no more heartbeats, statuses or answers. */
  async stop(): Promise<void> {
    this.#node.stop();
    this.#power.abort(new Error('the node has stopped'));
    await this.#mirrors?.close();
    this.#mirrors = null;
    const all = [...this.#playingByUid.values()];
    this.#playingByUid.clear();
    for (const { stop } of all) stop.abort(new Error('the node has stopped'));
    await Promise.all(all.map(({ ended }) => ended));
    await Promise.all(all.map(({ life }) => life.close()));
  }

  async #take(mirror: Mirror<KeptPod>): Promise<void> {
    await mirror.synced(10_000, new AbortController().signal);
    for (const { pod } of mirror.list()) this.#onPod(pod);
  }

  #onPod(pod: PodObject): void {
    const { uid, deletionTimestamp } = pod.metadata;
    const playing = this.#playingByUid.get(uid);
    if (deletionTimestamp === undefined) {
      if (playing === undefined) this.#play(pod);
      else playing.life.rewrite(scriptOf(pod));
    } else if (playing === undefined) {
      this.#whilePowered(pod, (signal) => this.#remove(pod, signal));
    } else if (!playing.stop.signal.aborted) {
      playing.stop.abort(new Error('the pod is to end'));
      this.#whilePowered(pod, (signal) => this.#end(pod, playing, signal));
    }
  }

  #play(pod: PodObject): void {
    const count = this.#addresses++ % 60_000;
    const address = `198.18.${this.#index * 64 + Math.floor(count / 250)}.${(count % 250) + 2}`;
    const script = scriptOf(pod);
    const reporter = new Reporter(this.#api, pod, { node: this.#node.name, address });
    const options = { pod, script, reporter, address };
    const life = script.hasOwnNetwork ? new ProcessPod(options) : new PodLife(options);
    const stop = new AbortController();
    const ended = life.run(stop.signal).catch((error: unknown) => {
      if (!stop.signal.aborted) this.#failed(pod, error);
    });
    this.#playingByUid.set(pod.metadata.uid, { address, stop, life, ended });
  }

  #whilePowered(pod: PodObject, act: (signal: AbortSignal) => Promise<void>): void {
    const { signal } = this.#power;
    act(signal).catch((error: unknown) => {
      if (!signal.aborted) this.#failed(pod, error);
    });
  }

  async #end(pod: PodObject, { life, ended }: Playing, signal: AbortSignal): Promise<void> {
    await ended;
    const graceMs = (pod.metadata.deletionGracePeriodSeconds ?? 30) * 1_000;
    await life.end(graceMs, signal);
    await this.#remove(pod, signal);
  }

  async #remove(pod: PodObject, signal: AbortSignal): Promise<void> {
    const preconditions = { uid: pod.metadata.uid };
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0, preconditions };
    await this.#api.call({ method: 'DELETE', path: podPath(pod), body, signal });
  }

  async #forget(pod: PodObject): Promise<void> {
    const playing = this.#playingByUid.get(pod.metadata.uid);
    this.#playingByUid.delete(pod.metadata.uid);
    playing?.stop.abort(new Error('the pod is gone'));
    await playing?.life.close();
  }

  #failed(pod: PodObject, error: unknown): void {
    const isGone = error instanceof KubeError && (error.status === 404 || error.status === 409);
    if (!isGone) console.error(`played pod ${pod.metadata.namespace}/${pod.metadata.name}:`, error);
  }
}
