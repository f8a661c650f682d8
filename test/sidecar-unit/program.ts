import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

const main = new URL('../../src/main.ts', import.meta.url).pathname;

/** Ports that the system chooses, on the loopback address. */
export const freePorts = {
  PILOTLIGHT_LISTEN_HOST: '127.0.0.1',
  QUEUE_SERVING_PORT: '0',
  QUEUE_SERVING_TLS_PORT: '0',
  PILOTLIGHT_ADMIN_PORT: '0',
  PILOTLIGHT_STATS_PORT: '0',
  METRICS_PROMETHEUS_PORT: '0',
};

/** `pilotlight sidecar` as a process of its own, told by nothing but `environment`. */
export class SidecarProgram {
  readonly #child: ChildProcess;
  stdout = '';
  stderr = '';
  /** Resolves with the exit code when it has ended and its output is complete; null: killed by a signal. */
  readonly ended: Promise<number | null>;
  #onLine: (() => void) | null = null;

  constructor(environment: Readonly<Record<string, string>>) {
    const child = spawn(process.execPath, [main, 'sidecar'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...environment },
    });
    this.#child = child;
    child.stdout!.on('data', (bytes: Buffer) => {
      this.stdout += bytes.toString();
      this.#onLine?.();
    });
    child.stderr!.on('data', (bytes: Buffer) => {
      this.stderr += bytes.toString();
    });
    this.ended = once(child, 'close').then(([code]) => {
      this.#onLine?.();
      return code as number | null;
    });
  }

  /** The first line of the log that holds `text`. */
  async untilLogged(text: string): Promise<Record<string, unknown>> {
    for (;;) {
      const line = this.stdout.split('\n').find((one) => one.includes(text));
      if (line !== undefined) return JSON.parse(line) as Record<string, unknown>;
      if (this.#child.exitCode !== null)
        throw new Error(`ended before "${text}": ${this.stderr}${this.stdout}`);
      await new Promise<void>((resolve) => {
        this.#onLine = resolve;
      });
    }
  }

  /** Its ports, once it serves. */
  async ports(): Promise<Record<'serving' | 'admin' | 'stats' | 'metrics' | 'tls', number>> {
    return (await this.untilLogged('"ports"')).ports as never;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}
