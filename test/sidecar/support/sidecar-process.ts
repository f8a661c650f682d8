import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { freePorts } from '../../support/free-ports.ts';
import { Signal } from '../../support/raw-signal.ts';
import { command, isOriginal, quietMs } from './under-test.ts';

/** What a sidecar is started with. */
export interface SidecarOptions {
  /** The app's port. */
  readonly app: number;
  /** CONTAINER_CONCURRENCY; 0 unless it is said. */
  readonly concurrency?: number;
  /** SERVING_READINESS_PROBE; null: there is none. */
  readonly probe?: object | null;
  /** More variables, or other values; undefined takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Where a sidecar listens. */
export interface SidecarPorts {
  readonly serving: number;
  readonly tls: number;
  readonly admin: number;
  readonly stats: number;
  readonly metrics: number;
}

/** The variables that Knative's controller sets (pkg/reconciler/revision/resources/queue.go). */
function knativeEnv({ app, concurrency = 0, probe = null }: SidecarOptions, ports: SidecarPorts) {
  return {
    SERVING_NAMESPACE: 'default',
    SERVING_SERVICE: 'hello',
    SERVING_CONFIGURATION: 'hello',
    SERVING_REVISION: 'hello-00001',
    SERVING_POD: 'hello-00001-deployment-7d9c-x2x4v',
    SERVING_POD_IP: '10.1.2.3',
    SERVING_LOGGING_CONFIG: '',
    SERVING_LOGGING_LEVEL: 'error',
    SERVING_READINESS_PROBE: probe === null ? '' : JSON.stringify(probe),
    SYSTEM_NAMESPACE: 'knative-serving',
    HOST_IP: '10.1.0.1',
    CONTAINER_CONCURRENCY: String(concurrency),
    REVISION_TIMEOUT_SECONDS: '300',
    REVISION_RESPONSE_START_TIMEOUT_SECONDS: '300',
    REVISION_IDLE_TIMEOUT_SECONDS: '0',
    QUEUE_SERVING_PORT: String(ports.serving),
    QUEUE_SERVING_TLS_PORT: String(ports.tls),
    USER_PORT: String(app),
    ENABLE_HTTP2_AUTO_DETECTION: 'false',
    ENABLE_HTTP_FULL_DUPLEX: 'false',
    ENABLE_MULTI_CONTAINER_PROBES: 'false',
    OBSERVABILITY_CONFIG: '{"requestMetrics":{"protocol":"prometheus"}}',
    ROOT_CA: '',
  };
}

/** Ports and times of its own, so that tests can run beside each other; the original has none of these. */
function testEnv(ports: SidecarPorts): Record<string, string> {
  if (isOriginal) return {};
  return {
    PILOTLIGHT_ADMIN_PORT: String(ports.admin),
    PILOTLIGHT_STATS_PORT: String(ports.stats),
    METRICS_PROMETHEUS_PORT: String(ports.metrics),
    PILOTLIGHT_DRAIN_QUIET: `${quietMs}ms`,
  };
}

/** Ports that are free, as far as they can be chosen. */
export async function choosePorts(): Promise<SidecarPorts> {
  const [serving, tls, admin, stats, metrics] = await freePorts(5);
  const own = { admin: admin!, stats: stats!, metrics: metrics! };
  const fixed = { admin: 8022, stats: 9090, metrics: 9091 };
  return { serving: serving!, tls: tls!, ...(isOriginal ? fixed : own) };
}

/** The thing under test as a process. */
export class SidecarProcess {
  readonly ports: SidecarPorts;
  readonly child: ChildProcess;
  readonly startedAtMs = performance.now();
  /** What it wrote: its request log on the one, the rest on the other. */
  output = '';
  errors = '';
  /** Its exit code, or the name of the signal that ended it; null: it runs. */
  exit: number | string | null = null;
  readonly #signal = new Signal();

  /** Starts it with exactly these variables (and PATH). */
  constructor(ports: SidecarPorts, env: Readonly<Record<string, string | undefined>>) {
    this.ports = ports;
    const [program, ...args] = command;
    this.child = spawn(program!, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, ...env },
    });
    this.child.stdout!.on('data', (bytes: Buffer) => {
      this.output += bytes.toString();
      this.#signal.tell();
    });
    this.child.stderr!.on('data', (bytes: Buffer) => {
      this.errors += bytes.toString();
      this.#signal.tell();
    });
    this.child.on('close', (code, signal) => {
      this.exit = code ?? signal;
      this.#signal.tell();
    });
  }

  /** Starts it in a pod of Knative's shape; resolves when it listens on all of its ports. */
  static async start(options: SidecarOptions): Promise<SidecarProcess> {
    const ports = await choosePorts();
    const env = { ...knativeEnv(options, ports), ...testEnv(ports), ...options.env };
    const sidecar = new SidecarProcess(ports, env);
    const { serving, admin, stats } = ports;
    for (const port of [serving, admin, stats]) await sidecar.untilListening(port);
    return sidecar;
  }

  /** What `start` starts it with, for who starts it otherwise. */
  static envOf(options: SidecarOptions, ports: SidecarPorts): Record<string, string | undefined> {
    return { ...knativeEnv(options, ports), ...testEnv(ports), ...options.env };
  }

  /** Resolves when the port takes connections; rejects when the process has ended. */
  async untilListening(port: number): Promise<void> {
    while (!(await accepts(port))) {
      if (this.exit !== null) throw new Error(`ended with ${this.exit}: ${this.errors}${this.output}`);
      await pause(5);
    }
  }

  get url(): string {
    return `http://127.0.0.1:${this.ports.serving}`;
  }

  /** Resolves when its output has what is looked for; rejects when it has ended without. */
  untilWritten(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#signal.until(() => {
      const found = pattern.exec(this.output) ?? pattern.exec(this.errors);
      if (found === null && this.exit !== null) throw new Error(`ended without ${pattern}: ${this.errors}`);
      return found ?? undefined;
    });
  }

  /** Resolves with its exit code, or the name of the signal that ended it. */
  exited(): Promise<number | string> {
    return this.#signal.until(() => this.exit ?? undefined);
  }

  /** Its resident memory. */
  residentBytes(): number {
    const status = readFileSync(`/proc/${this.child.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)![1]) * 1_024;
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async close(): Promise<void> {
    if (this.exit === null) this.child.kill('SIGKILL');
    await this.exited();
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
