import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';

const main = new URL('../../src/main.ts', import.meta.url).pathname;
// A process has another number in its namespace than in /proc, which may be mounted for an outer one.
const preload = `data:text/javascript,import { readlinkSync } from 'node:fs';
console.error('pid ' + readlinkSync('/proc/self'));
process.on('SIGUSR2', () => {
  gc();
  const { heapUsed, external } = process.memoryUsage();
  console.error('kept ' + (heapUsed + external));
});`;
// V8 keeps the pages that it has freed for eight seconds and more, to use them again.
const flags = ['--expose-gc', '--memory-pool-timeout=1', '--import', preload];

/** When the first byte of an answer came, and when its backend had first listened: monotonic milliseconds. */
export interface FirstByte {
  readonly status: number;
  readonly atMs: number;
  readonly backendReadyAtMs: number;
}

/** Milliseconds of the clock that all processes of the machine share. */
export const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/** `pilotlight serve` as a process, with the models of a namespace. */
export class BenchGateway {
  /** As /proc numbers it. */
  pid = 0;
  readonly #child: ChildProcess;
  readonly #folder: string;
  #url = '';
  #adminUrl = '';
  #onKept: (bytes: number) => void = () => undefined;

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
  }

  /** Starts it with models in YAML, indented by two; resolves when it admits requests. */
  static async start(namespace: string, models: string): Promise<BenchGateway> {
    const folder = mkdtempSync(join(tmpdir(), 'pilotlight-bench-'));
    const kubeconfig = JSON.parse(readFileSync(process.env.KUBECONFIG ?? '', 'utf8'));
    kubeconfig.contexts[0].context.namespace = namespace;
    const access = join(folder, 'kubeconfig');
    writeFileSync(access, JSON.stringify(kubeconfig), { mode: 0o600 });
    const config = join(folder, 'pilotlight.yaml');
    const server =
      'server: { listen: 127.0.0.1:0, admin: 127.0.0.1:0 }\nlog: { level: silent, access: false }';
    writeFileSync(
      config,
      `${server}\nkubernetes: { kubeconfig: ${access}, lease: false }\nmodels:\n${models}`,
    );
    const child = spawn(process.execPath, [...flags, main, 'serve', '--config', config], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const gateway = new BenchGateway(child, folder);
    await gateway.#listening();
    return gateway;
  }

  async #listening(): Promise<void> {
    const lines = createInterface(this.#child.stderr!);
    const listens = Promise.withResolvers<void>();
    let said = '';
    lines.on('line', (line) => {
      if (line.startsWith('kept ')) this.#onKept(Number(line.slice(5)));
      if (this.#adminUrl !== '') return;
      said += `${line}\n`;
      if (line.startsWith('pid ')) this.pid = Number(line.slice(4));
      const [, url, adminUrl] = /^Pilotlight listens on (\S+?),? .*admin on (\S+)$/.exec(line) ?? [];
      if (url === undefined || adminUrl === undefined) return;
      this.#url = url;
      this.#adminUrl = adminUrl;
      listens.resolve();
    });
    lines.once('close', () => listens.reject(new Error(`serve ended: ${said}`)));
    await listens.promise;
    while ((await fetch(`${this.#adminUrl}/readyz`)).status !== 200) await pause(20);
  }

  /** Sends a chat request; resolves at the first byte of the answer's body. */
  ask(model: string): Promise<FirstByte> {
    const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'hello' }] });
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    return new Promise((resolve, reject) => {
      const sent = request(`${this.#url}/v1/chat/completions`, { method: 'POST', headers }, (response) => {
        const backendReadyAtMs = Number(response.headers['x-ready-at-ns']) / 1e6;
        response.once('data', () => {
          resolve({ status: response.statusCode ?? 0, atMs: nowMs(), backendReadyAtMs });
        });
        response.once('error', reject);
      });
      sent.once('error', reject);
      sent.end(body);
    });
  }

  /** What the admin API says of a model, as text. */
  async view(model: string): Promise<string> {
    return await (await fetch(`${this.#adminUrl}/api/models/${model}`)).text();
  }

  /** Collects its garbage; resolves with the bytes of heap and buffers that it keeps. */
  collect(): Promise<number> {
    return new Promise((resolve) => {
      this.#onKept = resolve;
      this.#child.kill('SIGUSR2');
    });
  }

  /** Ends it; resolves when it is gone. */
  async end(): Promise<void> {
    const ended = once(this.#child, 'close');
    this.#child.kill('SIGKILL');
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
