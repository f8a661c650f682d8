import { setTimeout as pause } from 'node:timers/promises';
import type { KubeApi } from '../../src/kube/api.ts';
import { containerPort } from '../../test/cluster/support/cluster.ts';

const callsAtATime = 12;
/** A machine of two cores is busy with a thousand pods. */
const timeoutMs = 60_000;

/** Pods that nobody's controller owns, ready as their status says; one server answers for all of them. */
export class Fleet {
  readonly #api: KubeApi;
  readonly #pods: string;
  readonly #signal = new AbortController().signal;

  constructor(api: KubeApi, namespace: string) {
    this.#api = api;
    this.#pods = `/api/v1/namespaces/${namespace}/pods`;
  }

  /** Its labels say which pool it belongs to. */
  async create(name: string, pool: string): Promise<void> {
    const ports = [{ name: 'http', containerPort }];
    const body = {
      metadata: { name, labels: { pool } },
      spec: {
        nodeName: 'bench',
        automountServiceAccountToken: false,
        containers: [{ name: 'server', image: 'registry.example/vllm:v1', ports }],
      },
    };
    await this.#api.call({ method: 'POST', path: this.#pods, body, timeoutMs, signal: this.#signal });
  }

  /** Its status says that it runs and is ready. */
  async makeReady(name: string, podIP: string): Promise<void> {
    const ready = ['Initialized', 'ContainersReady', 'Ready', 'PodScheduled'];
    const conditions = ready.map((type) => ({ type, status: 'True' }));
    const startedAt = new Date().toISOString();
    const container = { name: 'server', image: 'registry.example/vllm:v1', imageID: '', restartCount: 0 };
    const containerStatuses = [
      { ...container, ready: true, started: true, state: { running: { startedAt } } },
    ];
    const body = {
      status: { phase: 'Running', podIP, podIPs: [{ ip: podIP }], conditions, containerStatuses },
    };
    const patchType = 'application/merge-patch+json';
    const path = `${this.#pods}/${name}/status`;
    await this.#api.call({ method: 'PATCH', path, patchType, body, timeoutMs, signal: this.#signal });
  }

  async remove(name: string): Promise<void> {
    await this.#delete(`${this.#pods}/${name}`);
  }

  /** Resolves when none is left. */
  async removeAll(): Promise<void> {
    await this.#delete(this.#pods);
    const path = `${this.#pods}?limit=1`;
    for (;;) {
      const list = await this.#api.call<{ items: unknown[] }>({ method: 'GET', path, signal: this.#signal });
      if (list.items.length === 0) return;
      await pause(100);
    }
  }

  async #delete(path: string): Promise<void> {
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0 };
    await this.#api.call({ method: 'DELETE', path, body, timeoutMs, signal: this.#signal });
  }
}

/** An address of the played pods' range for each number. */
export const addressOf = (index: number) => `198.18.${200 + Math.floor(index / 250)}.${(index % 250) + 2}`;

/** Does the work for each number below `count`, a few at a time. */
export async function each(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: callsAtATime }, worker));
}
