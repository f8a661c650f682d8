import { setTimeout as pause } from 'node:timers/promises';
import { parseDemoArgs } from '../../../src/demo-backend/options.ts';
import { startDemoBackend } from '../../../src/demo-backend/server.ts';
import { listenPort, probeFailure, probeUrl, terminated } from './container.ts';
import { pullFaultOf } from './image-faults.ts';
import type { ContainerSpec, PodObject, ProbeSpec } from './pod-object.ts';
import { startProcessServer } from './process-server.ts';
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

const maxBackOffMs = 300_000;

/** One pod from being bound until it is told to end: the order is that of the kubelet's syncPod. */
export class PodLife {
  readonly #options: PodLifeOptions;
  readonly #report = pendingReport();
  #server: { close(): Promise<void> } | null = null;

  constructor(options: PodLifeOptions) {
    this.#options = options;
  }

  /** Plays until the script has no more to show; rejects with the signal's reason when the pod is to end. */
  async run(signal: AbortSignal): Promise<void> {
    const { pod, script } = this.#options;
    if (script.fault === 'admission') return await this.#refuse(signal);
    this.#report.isInitialized = (pod.spec.initContainers ?? []).length === 0;
    if (!this.#report.isInitialized) this.#report.state = waiting('PodInitializing');
    await this.#tell(signal);
    if (!(await mountVolumes(script, this.#options.reporter, signal))) return;
    if (!(await this.#initialize(signal))) return;
    if (!(await this.#pull(this.#main, signal))) return;
    if (script.fault === 'config-error') return await this.#misconfigured(signal);
    for (let backOffMs = script.backOffMs; ; backOffMs = Math.min(backOffMs * 2, maxBackOffMs)) {
      if (!(await this.#start(signal))) return;
      await this.#backOff(backOffMs, signal);
    }
  }

  /** Told to end: it serves, and counts as ready in its status, for as long as it drains. */
  async drain(graceMs: number, signal: AbortSignal): Promise<void> {
    if (this.#server === null) return;
    await this.#event(['Normal', 'Killing', `Stopping container ${this.#main.name}`], signal);
    await pause(Math.min(graceMs, this.#options.script.drainMs), undefined, { signal });
  }

  /** Closes the port at once. */
  async close(): Promise<void> {
    await this.#server?.close();
    this.#server = null;
  }

  get #main(): ContainerSpec {
    return this.#options.pod.spec.containers[0]!;
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

  async #initialize(signal: AbortSignal): Promise<boolean> {
    for (const container of this.#options.pod.spec.initContainers ?? []) {
      await this.#pulled(container, signal);
      this.#report.initState = { running: { startedAt: timestamp() } };
      await this.#tell(signal);
      await pause(this.#options.script.initMs, undefined, { signal });
    }
    if (this.#report.isInitialized) return true;
    const ended = { exitCode: 0, reason: 'Completed', finishedAt: timestamp() };
    this.#report.initState = { terminated: ended };
    this.#report.isInitialized = true;
    await this.#tell(signal);
    return true;
  }

  async #pulled(container: ContainerSpec, signal: AbortSignal): Promise<void> {
    const { image } = container;
    await this.#event(['Normal', 'Pulling', `Pulling image "${image}"`], signal);
    const { pullMs } = this.#options.script;
    await pause(pullMs, undefined, { signal });
    const took = pullMs < 1_000 ? `${pullMs}ms` : `${pullMs / 1_000}s`;
    const size = 'Image size: 4096 bytes.';
    const message = `Successfully pulled image "${image}" in ${took} (${took} including waiting). ${size}`;
    await this.#event(['Normal', 'Pulled', message], signal);
    await this.#event(['Normal', 'Created', 'Container created'], signal);
    await this.#event(['Normal', 'Started', 'Container started'], signal);
  }

  async #pull(container: ContainerSpec, signal: AbortSignal): Promise<boolean> {
    const { image } = container;
    const { fault, backOffMs } = this.#options.script;
    const failure = pullFaultOf(fault, image);
    if (failure === null) {
      await this.#pulled(container, signal);
      return true;
    }
    const { reason, backOffReason, message, eventReason } = failure;
    for (let pauseMs = backOffMs; ; pauseMs = Math.min(pauseMs * 2, maxBackOffMs)) {
      if (backOffReason !== null)
        await this.#event(['Normal', 'Pulling', `Pulling image "${image}"`], signal);
      const told = backOffReason === null ? message : `Failed to pull image "${image}": ${message}`;
      await this.#event(['Warning', eventReason, told], signal);
      await this.#event(['Warning', 'Failed', `Error: ${reason}`], signal);
      this.#report.state = waiting(reason, message);
      await this.#tell(signal);
      if (backOffReason === null) return false;
      const again = `Back-off pulling image "${image}"`;
      await this.#event(['Normal', 'BackOff', again], signal);
      await pause(pauseMs, undefined, { signal });
      this.#report.state = waiting(backOffReason, `${again}: ${reason}: ${message}`);
      await this.#tell(signal);
      await pause(pauseMs, undefined, { signal });
    }
  }

  async #misconfigured(signal: AbortSignal): Promise<void> {
    const message = 'secret "weights" not found';
    this.#report.state = waiting('CreateContainerConfigError', message);
    await this.#tell(signal);
    await this.#event(['Warning', 'Failed', `Error: ${message}`], signal);
  }

  /** Starts the container; true: it has ended and is to be started again. */
  async #start(signal: AbortSignal): Promise<boolean> {
    const { script } = this.#options;
    const startedAt = timestamp();
    Object.assign(this.#report, { phase: 'Running', state: { running: { startedAt } } });
    this.#report.isStarted = this.#main.startupProbe === undefined;
    await this.#tell(signal);
    if (script.fault === 'crash' || script.fault === 'oom') {
      await pause(script.runMs, undefined, { signal });
      this.#report.state = { terminated: this.#ended(startedAt) };
      this.#report.isStarted = false;
      await this.#tell(signal);
      return true;
    }
    await pause(script.listenMs, undefined, { signal });
    await this.#listen();
    await this.#becomeReady(signal);
    if (script.fault === 'evicted') await this.#evict(signal);
    return false;
  }

  #ended(startedAt: string) {
    const { fault, exitCode, terminationMessage: message } = this.#options.script;
    return terminated({
      startedAt,
      finishedAt: timestamp(),
      isOutOfMemory: fault === 'oom',
      exitCode,
      message,
    });
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

  async #listen(): Promise<void> {
    const { script, address } = this.#options;
    const port = listenPort(this.#main);
    if (script.isProcess) {
      this.#server = startProcessServer(address, port);
      return;
    }
    const args = ['--tokens-per-second', '1000', '--first-token', '1ms', '--load-time', `${script.loadMs}ms`];
    this.#server = await startDemoBackend(parseDemoArgs([...args, '--host', address, '--port', `${port}`]));
  }

  async #becomeReady(signal: AbortSignal): Promise<void> {
    const { readinessProbe, startupProbe } = this.#main;
    if (startupProbe !== undefined) {
      await this.#probed(startupProbe, 'Startup', signal);
      this.#report.isStarted = true;
      await this.#tell(signal);
    }
    if (this.#options.script.fault === 'never-ready') {
      const words = 'Readiness probe failed: HTTP probe failed with statuscode: 503';
      return await this.#event(['Warning', 'Unhealthy', words], signal);
    }
    if (readinessProbe !== undefined) await this.#probed(readinessProbe, 'Readiness', signal);
    this.#report.isReady = true;
    await this.#tell(signal);
  }

  /** Resolves once the probe has succeeded. */
  async #probed(probe: ProbeSpec, kind: string, signal: AbortSignal): Promise<void> {
    const { script, address } = this.#options;
    const url = probeUrl(probe, this.#main, address);
    const periodMs = script.probeMs || (probe.periodSeconds ?? 10) * 1_000;
    for (;;) {
      const failure = await probeFailure(url, signal);
      if (failure === null) return;
      const words = `${kind} probe failed: ${failure}`;
      await this.#event(['Warning', 'Unhealthy', words], signal);
      await pause(periodMs, undefined, { signal });
    }
  }

  async #evict(signal: AbortSignal): Promise<void> {
    await pause(this.#options.script.runMs, undefined, { signal });
    const message = 'The node was low on resource: memory. ';
    await this.#event(['Warning', 'Evicted', message], signal);
    await this.close();
    Object.assign(this.#report, { phase: 'Failed', reason: 'Evicted', message, isReady: false });
    await this.#tell(signal);
  }
}
