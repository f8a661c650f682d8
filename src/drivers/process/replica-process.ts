import { type ChildProcess, spawn } from 'node:child_process';
import type { ProcessBackend } from '../../config/settings.ts';
import type { Cancel, Clock } from '../../core/clock.ts';
import type { ReplicaPhase, ReplicaStatus, StartFault, Target } from '../../core/driver.ts';
import type { Place } from '../../core/room.ts';
import { describeExit, describeSpawnError, fillCommand, fillEnvironment } from './command.ts';
import { gpuEnvironment, gpuList } from './gpu-environment.ts';
import { gpuMemoryLine } from './gpu-memory-lines.ts';
import { OutputRing } from './output-ring.ts';
import { ownerVariable } from './owner.ts';
import type { PortFinder } from './ports.ts';

const outputLimits = { maxLines: 200, maxLineBytes: 1_000 };
/** After the leader's exit and the kill of its group only one that left the group can still hold the output open. */
const outputGraceMs = 1_000;

export interface ReplicaProcessOptions {
  readonly id: string;
  readonly target: Target<ProcessBackend>;
  readonly clock: Clock;
  readonly host: string;
  readonly ports: PortFinder;
  /** Where it is to run, asked once when it is launched; null: it takes no part in what is shared. Throws: nowhere. */
  readonly place: () => Place | null;
  /** Value of PILOTLIGHT_OWNER. */
  readonly owner: string;
  readonly onChange: () => void;
  readonly onFault: (error: unknown) => void;
}

/**
 * One process group: from a free port to the exit of its leader.
 *
 * | phase | event | next |
 * |---|---|---|
 * | starting | launched, spawned | running |
 * | starting | stop before the spawn; no port; spawn error | exited |
 * | starting, running | stop: SIGTERM and SIGCONT to the group, SIGKILL after the grace | stopping |
 * | running, stopping | leader exited: SIGKILL to what is left of the group; output closed | exited |
 */
export class ReplicaProcess {
  readonly id: string;
  /** Resolves when it has exited. */
  readonly ended: Promise<void>;
  readonly #options: ReplicaProcessOptions;
  readonly #output = new OutputRing(outputLimits);
  readonly #steps: { name: string; atMs: number }[] = [];
  readonly #resolveEnded: () => void;
  #phase: ReplicaPhase = 'starting';
  #port: number | null = null;
  #child: ChildProcess | null = null;
  #isLaunched = false;
  #hasLeaderExited = false;
  #reason: string | null = null;
  #fault: StartFault | null = null;
  #failure: string | null = null;
  #cancelTimer: Cancel | null = null;

  constructor(options: ReplicaProcessOptions) {
    this.id = options.id;
    this.#options = options;
    const ended = Promise.withResolvers<void>();
    this.ended = ended.promise;
    this.#resolveEnded = ended.resolve;
  }

  get phase(): ReplicaPhase {
    return this.#phase;
  }

  get isLaunched(): boolean {
    return this.#isLaunched;
  }

  /** Why no process of this target can be started at all; null when that is not known to be so. */
  get failure(): string | null {
    return this.#failure;
  }

  /** A snapshot, but for `output`, which reads the lines of the moment. */
  status(): ReplicaStatus {
    const output = this.#output;
    const { host } = this.#options;
    return {
      id: this.id,
      origin: this.#port === null ? null : `http://${host}:${this.#port}`,
      phase: this.#phase,
      steps: [...this.#steps],
      ...(this.#child?.pid === undefined ? {} : { pid: this.#child.pid }),
      ...(this.#reason === null ? {} : { reason: this.#reason }),
      ...(this.#fault === null ? {} : { fault: this.#fault }),
      get output() {
        return output.lines();
      },
    };
  }

  /** Begins the start; what becomes of it is seen in the phase. Once. */
  async launch(): Promise<void> {
    this.#isLaunched = true;
    try {
      const port = await this.#options.ports.take();
      // It may have been stopped meanwhile.
      if (this.#phase !== 'starting') return this.#options.ports.release(port);
      this.#port = port;
      this.#spawn(port);
    } catch (error) {
      this.#failToStart(error);
    }
  }

  /** Asks it to end, then makes it; `ended` tells when. */
  stop(): void {
    if (this.#phase === 'stopping' || this.#phase === 'exited') return;
    if (this.#child?.pid === undefined) {
      this.#finish('stopped before it was started');
      return;
    }
    this.#phase = 'stopping';
    if (!this.#hasLeaderExited) {
      const { clock, target } = this.#options;
      this.#signalGroup('SIGTERM');
      // One that is stopped (a rung of the ladder) would not see it.
      this.#signalGroup('SIGCONT');
      this.#setTimer(clock.nowMs() + target.backend.stopGraceMs, () => this.#signalGroup('SIGKILL'));
    }
    this.#options.onChange();
  }

  #spawn(port: number): void {
    const { model, backend } = this.#options.target;
    const place = this.#options.place();
    const values = { port: String(port), model, gpus: gpuList(place) };
    const [file = '', ...args] = fillCommand(backend.command, values);
    const child = spawn(file, args, {
      ...(backend.cwd === null ? {} : { cwd: backend.cwd }),
      env: {
        ...process.env,
        ...gpuEnvironment(place, backend),
        ...fillEnvironment(backend.env, values),
        [ownerVariable]: this.#options.owner,
      },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    child.stdout?.on('data', this.#output.stream());
    child.stderr?.on('data', this.#output.stream());
    child.once('spawn', () => this.#onSpawn());
    child.on('error', (error) => this.#onError(error));
    child.once('exit', () => this.#onLeaderExit());
    child.once('close', (code, signal) => this.#onClose(code, signal));
  }

  #onSpawn(): void {
    this.#steps.push({ name: 'spawned', atMs: this.#options.clock.nowMs() });
    if (this.#phase === 'starting') this.#phase = 'running';
    this.#options.onChange();
  }

  #onError(error: Error): void {
    if (this.#child?.pid === undefined) this.#failToStart(error);
    else this.#options.onFault(error);
  }

  #onLeaderExit(): void {
    this.#signalGroup('SIGKILL');
    this.#hasLeaderExited = true;
    this.#setTimer(this.#options.clock.nowMs() + outputGraceMs, () => {
      this.#child?.stdout?.destroy();
      this.#child?.stderr?.destroy();
    });
  }

  #onClose(code: number | null, signal: NodeJS.Signals | null): void {
    const lines = this.#output.lines();
    const memoryLine = gpuMemoryLine(lines);
    const line = memoryLine ?? lines.at(-1) ?? null;
    if (this.#phase !== 'stopping' && memoryLine !== null) this.#fault = 'gpu_memory';
    this.#finish(this.#phase === 'stopping' ? 'stopped' : describeExit({ code, signal, line }));
  }

  #failToStart(error: unknown): void {
    const reason = describeSpawnError(error, this.#options.target.backend);
    this.#failure = reason;
    this.#finish(reason);
  }

  #finish(reason: string): void {
    if (this.#phase === 'exited') return;
    this.#cancelTimer?.();
    this.#phase = 'exited';
    this.#reason = reason;
    if (this.#port !== null) this.#options.ports.release(this.#port);
    this.#resolveEnded();
    this.#options.onChange();
  }

  #setTimer(atMs: number, fn: () => void): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#options.clock.setTimer(atMs, fn);
  }

  #signalGroup(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') this.#options.onFault(error);
    }
  }
}
