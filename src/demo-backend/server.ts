import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Clock, systemClock } from '../core/clock.ts';
import { chatShape, textShape } from './completion-shape.ts';
import { cogHealth, containerCall, containerFact, isContainerRoute } from './containers.ts';
import { Engine, type Reply, sendJson } from './engine.ts';
import type { DemoBackendOptions } from './options.ts';
import { DemoError, type JsonObject, parseBody } from './requests.ts';
import { SleepMode } from './sleep-mode.ts';

const maxBodyBytes = 256 * 2 ** 20;

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) throw new DemoError(413, `the body is over ${maxBodyBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

class DemoBackend {
  readonly #options: DemoBackendOptions;
  readonly #clock: Clock;
  readonly #engine: Engine;
  readonly #sleepMode: SleepMode;
  readonly #loadedAtMs: number;

  constructor(options: DemoBackendOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    this.#engine = new Engine(options, clock);
    this.#sleepMode = new SleepMode(options, clock);
    this.#loadedAtMs = clock.nowMs() + options.loadTimeMs;
  }

  /** Answers one request; never rejects. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.once('close', () => gone.abort(new Error('the client has gone')));
    try {
      await this.#route(request, { response, signal: gone.signal });
    } catch (error) {
      if (gone.signal.aborted) return;
      if (response.headersSent) {
        response.destroy();
        return;
      }
      const known = error instanceof DemoError ? error : new DemoError(500, String(error));
      if (!request.complete) response.setHeader('connection', 'close');
      sendJson(response, known.status, known.render());
    }
  }

  async #route(request: IncomingMessage, reply: Reply): Promise<void> {
    const route = `${request.method} ${request.url?.split('?', 1)[0]}`;
    if (route === 'GET /metrics') {
      reply.response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
      reply.response.end(this.#engine.renderMetrics());
      return;
    }
    const isLoaded = this.#clock.nowMs() >= this.#loadedAtMs;
    const health = cogHealth(route, isLoaded);
    if (health !== null) return sendJson(reply.response, 200, JSON.stringify(health));
    if (!isLoaded) throw new DemoError(503, 'Loading model');
    if (this.#sleepMode.takes(route)) {
      const body = async () => parseBody(await readBody(request));
      const url = new URL(request.url ?? '/', 'http://demo');
      const fact = await this.#sleepMode.answer(url, body, reply.signal);
      return sendJson(reply.response, 200, JSON.stringify(fact));
    }
    const fact = this.#answerAtOnce(route);
    if (fact !== null) return sendJson(reply.response, 200, JSON.stringify(fact));
    const work = this.#workOf(route, request.headers.accept);
    if (work === null) throw new DemoError(404, `the demo backend has no ${route}`);
    this.#sleepMode.assertAwake();
    await work(parseBody(await readBody(request)), reply);
  }

  /** What needs neither body nor slot; null: not such a route. */
  #answerAtOnce(route: string): object | null {
    switch (route) {
      case 'GET /health':
        if (this.#sleepMode.isDead) throw new DemoError(503, 'the engine is dead');
        return { status: 'ok' };
      case 'GET /v1/models': {
        const model = { id: this.#options.model, object: 'model', created: 0, owned_by: 'pilotlight-demo' };
        return { object: 'list', data: [model] };
      }
      default:
        return containerFact(route);
    }
  }

  #workOf(route: string, accept?: string): ((body: JsonObject, reply: Reply) => Promise<void>) | null {
    switch (route) {
      case 'POST /v1/chat/completions':
        return (body, reply) => this.#engine.complete(chatShape, body, reply);
      case 'POST /v1/completions':
        return (body, reply) => this.#engine.complete(textShape, body, reply);
      case 'POST /v1/embeddings':
        return (body, reply) => this.#engine.embed(body, reply);
      default:
        return isContainerRoute(route)
          ? (body, reply) => {
              const call = containerCall(route, body, accept);
              return this.#engine.complete(call.shape, call.body, reply);
            }
          : null;
    }
  }
}

/**
 * Starts an OpenAI-compatible stand-in for a GPU backend: nothing is computed, only the timing of one is played, and
 * its answers say so. Loading begins at once. Rejects when it cannot listen. `close` cuts what runs.
 */
export async function startDemoBackend(
  options: DemoBackendOptions,
  clock: Clock = systemClock,
): Promise<{ port: number; close(): Promise<void> }> {
  const backend = new DemoBackend(options, clock);
  const server = createServer((request, response) => void backend.answer(request, response));
  server.listen(options.port, options.host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
