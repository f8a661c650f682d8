import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Served } from '../support/served.ts';
import type { World } from '../support/world.ts';

/** A job as the native API shows it, as far as drills look at it. */
export interface JobShown {
  readonly id: string;
  readonly status: string;
  readonly attempts: number;
  readonly error: { readonly code: string } | null;
}

/** How a drilled gateway is set up, beyond its backend. */
export interface DrilledOptions {
  readonly backendUrl: string;
  /** `store` of its configuration. */
  readonly store: string;
  /** Its stateDir. Default: a folder of its own. */
  readonly stateDir?: string;
  /** Further settings of `jobs`, in YAML's flow style. Default: nearly all bodies in files. */
  readonly jobs?: string;
  /** Options of Node itself. */
  readonly nodeOptions?: readonly string[];
}

/** What a job is put with. */
export interface PutOptions {
  readonly stream?: boolean;
  /** Where it is told of. */
  readonly webhook?: string;
  /** Length of what makes its body larger. */
  readonly padding?: number;
}

/** A backend that notes how often it ran each prompt, and answers when it is let; an answer says which run of its prompt it is of. */
export class NotingBackend {
  /** Runs by prompt. */
  readonly runs = new Map<string, number>();
  /** Requests that wait for `release`. */
  waiting = 0;
  /** Begins a stream before it waits. */
  streams = false;
  readonly #server: Server;
  #gate = Promise.withResolvers<void>();

  constructor() {
    this.#gate.resolve();
    this.#server = createServer(async (req, res) => {
      if (req.url === '/health') return void res.end('ok');
      let text = '';
      for await (const chunk of req) text += chunk;
      const { messages } = JSON.parse(text) as { messages: { content: string }[] };
      const prompt = messages[0]!.content;
      const run = (this.runs.get(prompt) ?? 0) + 1;
      this.runs.set(prompt, run);
      const piece = `data: ${JSON.stringify({ choices: [{ delta: { content: prompt } }] })}\n\n`;
      if (this.streams) {
        res.writeHead(200, { 'content-type': 'text/event-stream' });
        res.write(piece);
      }
      this.waiting++;
      await this.#gate.promise;
      this.waiting--;
      if (this.streams) return void res.end('data: [DONE]\n\n');
      res.writeHead(200, { 'content-type': 'application/json' });
      res.end(JSON.stringify({ run, choices: [{ message: { content: prompt } }] }));
    });
  }

  async listen(world: World): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    world.onClose(() => {
      this.release();
      this.#server.closeAllConnections();
      this.#server.close();
    });
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** From now on requests wait. */
  hold(): void {
    this.#gate = Promise.withResolvers<void>();
  }

  release(): void {
    this.#gate.resolve();
  }
}

/** `serve` with the model `m` on a backend, the native surface, and a store of its own; it can be killed and started again. */
export class DrilledGateway {
  readonly #file: string;
  readonly #nodeOptions: readonly string[];
  #served: Served | null = null;

  constructor(world: World, options: DrilledOptions) {
    const { backendUrl, store, stateDir = 'state', jobs = 'inline: 64B' } = options;
    this.#nodeOptions = options.nodeOptions ?? [];
    const folder = mkdtempSync(join(tmpdir(), 'pilotlight-drill-'));
    world.onClose(async () => {
      await this.#served?.end();
      rmSync(folder, { recursive: true, force: true });
    });
    this.#file = join(folder, 'pilotlight.yaml');
    writeFileSync(
      this.#file,
      `server: { listen: 127.0.0.1:0, admin: 127.0.0.1:0, drain: 200ms }
log: { access: false }
store: ${store}
stateDir: ${stateDir}
surfaces: { jobs: {} }
jobs: { lease: 1s, attempts: 50, ${jobs} }
models:
  m:
    backend: { driver: static, urls: ["${backendUrl}"], ready: { path: /health } }
    concurrency: 4
`,
    );
  }

  get served(): Served {
    return this.#served!;
  }

  async start(): Promise<void> {
    this.#served = await Served.start(this.#file, this.#nodeOptions);
  }

  /** As a power cut would end the process. */
  async kill(): Promise<void> {
    this.served.kill('SIGKILL');
    await this.served.exit;
  }

  /** Puts a job under an id; resolves with whether it was acknowledged. */
  async put(id: string, options: PutOptions = {}): Promise<boolean> {
    const status = await this.putStatus(id, options);
    return status === 202 || status === 200;
  }

  /** Puts a job under an id; resolves with the status of the answer, null where there was none. */
  async putStatus(id: string, { stream, webhook, padding = 0 }: PutOptions = {}): Promise<number | null> {
    const messages = [{ role: 'user', content: id }];
    const body = { model: 'm', messages, stream, user: 'x'.repeat(padding) };
    const response = await fetch(`${this.served.url}/v1/jobs/${id}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ path: '/v1/chat/completions', body, webhook }),
    }).catch(() => null);
    await response?.body?.cancel();
    return response?.status ?? null;
  }

  async get(id: string): Promise<JobShown | null> {
    const response = await fetch(`${this.served.url}/v1/jobs/${id}`).catch(() => null);
    if (response === null) return null;
    if (!response.ok) {
      await response.body?.cancel();
      return null;
    }
    return (await response.json()) as JobShown;
  }

  async result(id: string): Promise<string> {
    return (await fetch(`${this.served.url}/v1/jobs/${id}/result`)).text();
  }

  async cancel(id: string): Promise<void> {
    await (await fetch(`${this.served.url}/v1/jobs/${id}/cancel`, { method: 'POST' })).body?.cancel();
  }
}
