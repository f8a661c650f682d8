import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { envOf } from './container-env.ts';
import type { PlayedPod, PodLifeOptions } from './pod-life.ts';
import { PodNetwork } from './pod-network.ts';
import type { ContainerSpec } from './pod-object.ts';
import { runPreStop } from './pre-stop.ts';
import { keepProbing, untilAborted } from './readiness.ts';
import { pendingReport, timestamp } from './reporter.ts';
import type { Script } from './script.ts';

/**
 * A pod whose containers are the processes that their `command` names, with their `env`, in one network of their own. It is
 * ready when each container is; none is started again. Of its script only `probe-ms` and `unready` count.
 */
export class ProcessPod implements PlayedPod {
  readonly #options: PodLifeOptions;
  readonly #report = pendingReport();
  readonly #childByName = new Map<string, ChildProcess>();
  readonly #ready = new Set<string>();
  #script: Script;
  #network: PodNetwork | null = null;

  constructor(options: PodLifeOptions) {
    this.#options = options;
    this.#script = options.script;
  }

  rewrite(script: Script): void {
    this.#script = script;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { pod, address } = this.#options;
    this.#network = await PodNetwork.lay(address);
    for (const container of pod.spec.containers) this.#start(container);
    const state = { running: { startedAt: timestamp() } };
    Object.assign(this.#report, { phase: 'Running', isInitialized: true, isStarted: true, state });
    await this.#tell(signal);
    await Promise.all(pod.spec.containers.map((container) => this.#probe(container, signal)));
    await untilAborted(signal);
  }

  /** Each container by itself: its preStop, SIGTERM, and what is left of the grace period. */
  async end(graceMs: number, signal: AbortSignal): Promise<void> {
    await Promise.all(this.#options.pod.spec.containers.map((each) => this.#stop(each, graceMs, signal)));
    this.#report.phase = 'Succeeded';
    this.#report.isReady = false;
    await this.#tell(signal);
  }

  async close(): Promise<void> {
    const children = [...this.#childByName.values()];
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(children.map(exited));
    this.#network?.close();
    this.#network = null;
  }

  #start(container: ContainerSpec): void {
    const { pod, address } = this.#options;
    const argv = [...(container.command ?? []), ...(container.args ?? [])];
    const child = this.#network!.spawn(argv, envOf(container, pod, address));
    this.#childByName.set(container.name, child);
  }

  async #probe(container: ContainerSpec, signal: AbortSignal): Promise<never> {
    const { address, reporter } = this.#options;
    return await keepProbing(
      {
        container,
        address,
        script: () => this.#script,
        onStarted: () => Promise.resolve(),
        onReady: async (isReady) => {
          if (isReady) this.#ready.add(container.name);
          else this.#ready.delete(container.name);
          this.#report.isReady = this.#ready.size === this.#childByName.size;
          await this.#tell(signal);
        },
        onFailure: (words) => reporter.event(['Warning', 'Unhealthy', words], signal),
      },
      signal,
    );
  }

  async #stop(container: ContainerSpec, graceMs: number, signal: AbortSignal): Promise<void> {
    const { address, reporter } = this.#options;
    const beganAtMs = performance.now();
    const failure = await runPreStop({ container, address, graceMs }, signal);
    if (failure !== null) {
      await reporter.event(['Warning', 'FailedPreStopHook', `PreStopHook failed: ${failure}`], signal);
    }
    const child = this.#childByName.get(container.name);
    if (child === undefined) return;
    child.kill('SIGTERM');
    const leftMs = Math.max(0, graceMs - (performance.now() - beganAtMs));
    const kill = setTimeout(() => child.kill('SIGKILL'), leftMs);
    await exited(child);
    clearTimeout(kill);
    await reporter.event(['Normal', 'Killing', `${container.name} ended with ${codeOf(child)}`], signal);
  }

  async #tell(signal: AbortSignal): Promise<void> {
    await this.#options.reporter.status(this.#report, signal);
  }
}

const codeOf = (child: ChildProcess) => child.exitCode ?? child.signalCode;

async function exited(child: ChildProcess): Promise<void> {
  if (codeOf(child) === null) await once(child, 'exit');
}
