import { setTimeout as pause } from 'node:timers/promises';
import { listenPort, terminated } from './container.ts';
import { type ContainerServer, startServer } from './container-server.ts';
import { maxBackOffMs, type Pull, pulled, pullImage } from './image-pull.ts';
import type { ContainerSpec, PodObject } from './pod-object.ts';
import { runPreStop } from './pre-stop.ts';
import { keepProbing, type ProbedContainer, untilAborted } from './readiness.ts';
import { pendingReport, type Reporter, timestamp, waiting } from './reporter.ts';
import type { Script } from './script.ts';
import { mountVolumes } from './volumes.ts';

/** What a pod is played with. */
export interface PodLifeOptions {
  readonly pod: PodObject;
  readonly script: Script;
  readonly reporter: Reporter;
  readonly address: string;
}

/** A pod that is played; its state machine is that of the kubelet's syncPod. */
export interface PlayedPod {
  /** Goes on by another script. */
  rewrite(script: Script): void;
  /** Plays until the pod has ended by itself; rejects with the signal's reason when it is to end. */
  run(signal: AbortSignal): Promise<void>;
  /** Told to end, within its grace period; resolves when its containers have. */
  end(graceMs: number, signal: AbortSignal): Promise<void>;
  /** Kills what is left of it. */
  close(): Promise<void>;
}

/** However little is left of the grace period after preStop (pkg/kubelet/kuberuntime: minimumGracePeriodInSeconds). */
const minGraceMs = 2_000;

/** One pod from being bound until it is told to end: the order is that of the kubelet's syncPod. */
export class PodLife implements PlayedPod {
  readonly #options: PodLifeOptions;
  readonly #report = pendingReport();
  readonly #evicted = Promise.withResolvers<void>();
  #script: Script;
  #startedAt = '';
  #server: ContainerServer | null = null;

  constructor(options: PodLifeOptions) {
    this.#options = options;
    this.#script = options.script;
    this.rewrite(options.script);
  }

  /** Goes on by another script: `unready` and the fault `evicted` count at once. */
  rewrite(script: Script): void {
    this.#script = script;
    if (script.fault === 'evicted') this.#evicted.resolve();
  }

  /** Plays until the pod is evicted; rejects with the signal's reason when it is to end. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = new AbortController();
    const playing = this.#play(AbortSignal.any([signal, stop.signal]));
    const eviction = this.#evicted.promise.then(() => pause(this.#script.runMs, undefined, { signal }));
    await Promise.race([eviction, playing.then(() => untilAborted(signal))]);
    stop.abort(new Error('the pod is evicted'));
    await Promise.allSettled([playing]);
    await this.#evict(signal);
  }

  /**
   * Told to end: it serves, and counts as ready in its status, while its preStop runs and it drains, within its grace
   * period. Resolves when its container has ended and that is told.
   */
  async end(graceMs: number, signal: AbortSignal): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    const beganAtMs = performance.now();
    await this.#event(['Normal', 'Killing', `Stopping container ${this.#main.name}`], signal);
    const { address } = this.#options;
    const failure = await runPreStop({ container: this.#main, address, graceMs }, signal);
    if (failure !== null) {
      await this.#event(['Warning', 'FailedPreStopHook', `PreStopHook failed: ${failure}`], signal);
    }
    const leftMs = Math.max(minGraceMs, graceMs - (performance.now() - beganAtMs));
    const drainMs = Math.min(leftMs, this.#script.drainMs);
    await pause(drainMs, undefined, { signal });
    const exitCode = await server.stop(leftMs - drainMs);
    this.#report.phase = exitCode === 0 ? 'Succeeded' : 'Failed';
    await this.#tellExit(exitCode, signal);
  }

  /** Kills the container. */
  async close(): Promise<void> {
    await this.#server?.stop(0);
    this.#server = null;
  }

  get #main(): ContainerSpec {
    return this.#options.pod.spec.containers[0]!;
  }

  async #play(signal: AbortSignal): Promise<void> {
    const { pod, reporter } = this.#options;
    if (this.#script.fault === 'admission') return await this.#refuse(signal);
    this.#report.isInitialized = (pod.spec.initContainers ?? []).length === 0;
    if (!this.#report.isInitialized) this.#report.state = waiting('PodInitializing');
    await this.#tell(signal);
    if (!(await mountVolumes(this.#script, reporter, signal))) return;
    await this.#initialize(signal);
    if (!(await pullImage(this.#pull(this.#main), signal))) return;
    if (this.#script.fault === 'config-error') return await this.#misconfigured(signal);
    for (let backOffMs = this.#script.backOffMs; ; backOffMs = Math.min(backOffMs * 2, maxBackOffMs)) {
      const exitCode = await this.#start(signal);
      await this.#tellExit(exitCode, signal);
      await this.#backOff(backOffMs, signal);
    }
  }

  #pull(container: ContainerSpec): Pull {
    const { reporter } = this.#options;
    return { container, reporter, script: this.#script, report: this.#report };
  }

  async #tell(signal: AbortSignal): Promise<void> {
    await this.#options.reporter.status(this.#report, signal);
  }

  async #event(words: Parameters<Reporter['event']>[0], signal: AbortSignal): Promise<void> {
    await this.#options.reporter.event(words, signal);
  }

  async #refuse(signal: AbortSignal): Promise<void> {
    const message =
      'Pod was rejected: Allocate failed due to no healthy devices present; cannot allocate unhealthy devices nvidia.com/gpu, which is unexpected';
    Object.assign(this.#report, { phase: 'Failed', reason: 'UnexpectedAdmissionError', message });
    await this.#tell(signal);
    await this.#event(
      ['Warning', 'UnexpectedAdmissionError', message.replace('Pod was rejected: ', '')],
      signal,
    );
  }

  async #initialize(signal: AbortSignal): Promise<void> {
    if (this.#report.isInitialized) return;
    for (const container of this.#options.pod.spec.initContainers ?? []) {
      await pulled(this.#pull(container), signal);
      this.#report.initState = { running: { startedAt: timestamp() } };
      await this.#tell(signal);
      await pause(this.#script.initMs, undefined, { signal });
    }
    const ended = { exitCode: 0, reason: 'Completed', finishedAt: timestamp() };
    this.#report.initState = { terminated: ended };
    this.#report.isInitialized = true;
    await this.#tell(signal);
  }

  async #misconfigured(signal: AbortSignal): Promise<void> {
    const message = 'secret "weights" not found';
    this.#report.state = waiting('CreateContainerConfigError', message);
    await this.#tell(signal);
    await this.#event(['Warning', 'Failed', `Error: ${message}`], signal);
  }

  /** Starts the container; resolves with its exit code when it has ended by itself. */
  async #start(signal: AbortSignal): Promise<number> {
    const { fault, runMs, listenMs, exitCode } = this.#script;
    this.#startedAt = timestamp();
    Object.assign(this.#report, { phase: 'Running', state: { running: { startedAt: this.#startedAt } } });
    this.#report.isStarted = this.#main.startupProbe === undefined;
    await this.#tell(signal);
    if (fault === 'crash' || fault === 'oom') {
      await pause(runMs, undefined, { signal });
      return exitCode;
    }
    const stop = new AbortController();
    const within = AbortSignal.any([signal, stop.signal]);
    const listening = this.#listen(listenMs, within);
    const probing = this.#probe(within);
    try {
      return await Promise.race([listening.then(({ ended }) => ended), probing]);
    } finally {
      stop.abort(new Error('the container has ended'));
      await Promise.allSettled([listening, probing]);
    }
  }

  async #listen(listenMs: number, signal: AbortSignal): Promise<ContainerServer> {
    await pause(listenMs, undefined, { signal });
    this.#server = await startServer(this.#script, this.#options.address, listenPort(this.#main));
    return this.#server;
  }

  async #tellExit(exitCode: number, signal: AbortSignal): Promise<void> {
    const { fault, terminationMessage: message } = this.#script;
    const times = { startedAt: this.#startedAt, finishedAt: timestamp() };
    const isOutOfMemory = fault === 'oom';
    const state = { terminated: terminated({ ...times, isOutOfMemory, exitCode, message }) };
    this.#server = null;
    Object.assign(this.#report, { state, isReady: false, isStarted: false });
    await this.#tell(signal);
  }

  async #backOff(pauseMs: number, signal: AbortSignal): Promise<void> {
    const { namespace, name, uid } = this.#options.pod.metadata;
    const pod = `${name}_${namespace}(${uid})`;
    const container = this.#main.name;
    this.#report.lastState = this.#report.state;
    const message = `back-off ${pauseMs}ms restarting failed container=${container} pod=${pod}`;
    this.#report.state = waiting('CrashLoopBackOff', message);
    await this.#tell(signal);
    const words = `Back-off restarting failed container ${container} in pod ${pod}`;
    await this.#event(['Warning', 'BackOff', words], signal);
    await pause(pauseMs, undefined, { signal });
    this.#report.restartCount++;
  }

  /** Probes for as long as the container runs; never resolves. */
  async #probe(signal: AbortSignal): Promise<never> {
    const probed: ProbedContainer = {
      container: this.#main,
      address: this.#options.address,
      script: () => this.#script,
      onStarted: async () => {
        this.#report.isStarted = true;
        await this.#tell(signal);
      },
      onReady: async (isReady) => {
        this.#report.isReady = isReady;
        await this.#tell(signal);
      },
      onFailure: (words) => this.#event(['Warning', 'Unhealthy', words], signal),
    };
    return await keepProbing(probed, signal);
  }

  async #evict(signal: AbortSignal): Promise<void> {
    const message = 'The node was low on resource: memory. ';
    await this.#event(['Warning', 'Evicted', message], signal);
    await this.close();
    Object.assign(this.#report, { phase: 'Failed', reason: 'Evicted', message, isReady: false });
    await this.#tell(signal);
  }
}
