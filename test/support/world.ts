import { vi } from 'vitest';
import { type Answer, type Backend, startBackend } from './backend.ts';
import { Exchange, type SentHeaders } from './exchange.ts';
import { type Gateway, settingsOf, startGateway } from './gateway.ts';

/** A model as the admin API shows it, as far as tests look at it. */
export interface ModelView {
  readonly state: string;
  readonly step: string | null;
  readonly etaMs: number | null;
  readonly inFlight: number;
  readonly queue: { readonly waiting: number };
  readonly replicas: readonly {
    readonly id: string;
    readonly origin: string;
    readonly state: string;
    readonly inFlight: number;
  }[];
  readonly lastStarts: readonly { readonly outcome: string; readonly totalMs: number | null }[];
}

/** What a test has opened, to be closed in the reverse order. */
export class World {
  readonly #closers: (() => Promise<void> | void)[] = [];

  async backend(answer: Answer, port = 0): Promise<Backend> {
    const backend = await startBackend(answer, port);
    this.onClose(() => backend.close());
    return backend;
  }

  /** Its drain is short unless told: what a test leaves running is cut at its end. */
  async gateway(models: string, rest = '', drainMs = 200): Promise<Gateway> {
    const settings = settingsOf(models, rest);
    const gateway = await startGateway({ ...settings, server: { ...settings.server, drainMs } });
    this.onClose(() => gateway.close());
    return gateway;
  }

  /** A gateway in front of these, ready in this order: the first with room is chosen for small limits. */
  async gatewayFor(backends: readonly Backend[], more = ''): Promise<Gateway> {
    const locks = backends.map(() => Promise.withResolvers<void>());
    for (const [index, backend] of backends.entries()) backend.healthAfter = locks[index]!.promise;
    const urls = backends.map(({ url }) => url);
    const gateway = await this.gateway(fixedModel(urls, more));
    for (const [index, url] of urls.entries()) {
      locks[index]!.resolve();
      await untilReplica(gateway, url, 'ready');
    }
    return gateway;
  }

  onClose(close: () => Promise<void> | void): void {
    this.#closers.push(close);
  }

  /** For afterEach. */
  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }
}

/** YAML of a model `m` on fixed URLs; `more` are further lines of it. */
export function fixedModel(urls: readonly string[], more = ''): string {
  return `
  m:
    backend: { driver: static, urls: ${JSON.stringify(urls)}, ready: { path: /health } }
    ${more}
`;
}

/**
 * A server that needs little more than its load time to start: /health and requests get 503 "Loading model" until then.
 * It answers a stream with two events and anything else with its pid.
 */
const serverScript = `
  const loadedAt = Date.now() + Number(process.argv[2]);
  require('http').createServer((req, res) => {
    if (Date.now() < loadedAt) return res.writeHead(503).end('Loading model');
    let body = '';
    req.on('data', (chunk) => body += chunk).on('end', () => {
      if (!body.includes('"stream":true')) return res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ pid: process.pid }));
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.end('data: {"n":1}\\n\\ndata: [DONE]\\n\\n');
    });
  }).listen(+process.argv[1], '127.0.0.1');
`;

/** YAML of a model `m` that is started as a process and loads for `loadMs`; `more` are further lines of it. */
export function processModel(loadMs: number, more = ''): string {
  const command = [process.execPath, '-e', serverScript, '{port}', String(loadMs)];
  return `
  m:
    backend: { driver: process, command: ${JSON.stringify(command)}, stopGrace: 2s }
    ${more}
`;
}

/** A chat request for the model `m`. */
export function ask(gateway: { readonly url: string }, more: object = {}, headers?: SentHeaders): Exchange {
  const body = { model: 'm', messages: [{ role: 'user', content: 'Hello' }], ...more };
  return new Exchange(`${gateway.url}/v1/chat/completions`, body, headers);
}

/** What the admin API says of the model `m`. */
export async function viewOf(gateway: { readonly adminUrl: string }): Promise<ModelView> {
  return (await (await fetch(`${gateway.adminUrl}/api/models/m`)).json()) as ModelView;
}

/** An operator's word on the model `m`. */
export async function operate(
  gateway: { readonly adminUrl: string },
  verb: 'warm' | 'stop' | 'pause' | 'resume',
): Promise<void> {
  await fetch(`${gateway.adminUrl}/api/models/m/${verb}`, { method: 'POST' });
}

/** How many requests wait for the model `m`. */
export async function waitingAt(gateway: { readonly adminUrl: string }): Promise<number> {
  return (await viewOf(gateway)).queue.waiting;
}

/** Resolves when the replica of the model `m` at a URL is in that state; rejects after 10 s. */
export async function untilReplica(
  gateway: { readonly adminUrl: string },
  url: string,
  state: string,
): Promise<void> {
  const stateOf = async () => (await viewOf(gateway)).replicas.find(({ origin }) => origin === url)?.state;
  await vi.waitUntil(async () => (await stateOf()) === state, { timeout: 10_000, interval: 10 });
}

/** Resolves when the model `m` is in that state; rejects after 10 s. */
export async function untilState(gateway: { readonly adminUrl: string }, state: string): Promise<void> {
  await vi.waitUntil(async () => (await viewOf(gateway)).state === state, { timeout: 10_000, interval: 10 });
}
