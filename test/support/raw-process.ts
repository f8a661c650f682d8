import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Signal } from './raw-signal.ts';

const main = new URL('../../src/main.ts', import.meta.url).pathname;

/** A gateway in a process of its own, started by a line of shell. */
export class GatewayProcess {
  readonly child: ChildProcess;
  readonly #signal = new Signal();
  #stderr = '';
  /** Its log so far: JSON lines. */
  log = '';
  #hasEnded = false;

  private constructor(child: ChildProcess) {
    this.child = child;
    child.stdout!.on('data', (bytes: Buffer) => {
      this.log += bytes.toString();
      this.#signal.tell();
    });
    child.stderr!.on('data', (bytes: Buffer) => {
      this.#stderr += bytes.toString();
      this.#signal.tell();
    });
    child.on('exit', () => {
      this.#hasEnded = true;
      this.#signal.tell();
    });
  }

  /** `before`: shell commands that the gateway's process is started after (limits, mounts); `config`: YAML. */
  static async start(
    before: string,
    config: string,
    shell: readonly string[] = ['sh', '-c'],
  ): Promise<GatewayProcess> {
    const file = join(mkdtempSync(join(tmpdir(), 'pilotlight-process-')), 'pilotlight.yaml');
    writeFileSync(file, config);
    const line = `${before}; exec '${process.execPath}' '${main}' serve --config '${file}'`;
    const [command = 'sh', ...words] = shell;
    const gateway = new GatewayProcess(
      spawn(command, [...words, line], { stdio: ['ignore', 'pipe', 'pipe'] }),
    );
    await gateway.#until(() => gateway.#stderr.includes('admin on http'), 'start');
    return gateway;
  }

  async #until(look: () => boolean, what: string): Promise<void> {
    await this.#signal.until(() => {
      if (look()) return true;
      if (this.#hasEnded) throw new Error(`ended before ${what}: ${this.#stderr}${this.log}`);
      return undefined;
    });
  }

  untilLogged(pattern: RegExp): Promise<void> {
    return this.#until(() => pattern.test(this.log), String(pattern));
  }

  get url(): string {
    return /listens on (\S+)/.exec(this.#stderr)![1]!;
  }

  get adminUrl(): string {
    return /admin on (http\S+)/.exec(this.#stderr)![1]!;
  }

  /** Open files of the process that are spooled bodies. */
  spoolFiles(): number {
    const dir = `/proc/${this.child.pid}/fd`;
    return readdirSync(dir).filter((fd) => {
      try {
        return /\/body-[\w-]{36}( \(deleted\))?$/.test(readlinkSync(join(dir, fd)));
      } catch {
        return false; // closed since it was listed
      }
    }).length;
  }

  async close(): Promise<void> {
    if (this.#hasEnded) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }
}
