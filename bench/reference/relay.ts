/**
 * The least that a proxy in Node can do: node:http, undici's dispatch with one handler per request, a body kept whole,
 * and nothing else. No routing, model, admission, limit, log, metric, or field of its own. What Node itself costs.
 *
 *     node relay.ts PORT BACKEND_PORT
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Dispatcher, Pool } from 'undici';

const [port, backendPort] = process.argv.slice(2).map(Number);
const pool = new Pool(`http://127.0.0.1:${backendPort}`, {
  connections: 100,
  headersTimeout: 0,
  bodyTimeout: 0,
});
const hop = new Set(['connection', 'keep-alive', 'transfer-encoding', 'host', 'content-length']);

/** Passes one answer on. */
class Relay implements Dispatcher.DispatchHandler {
  readonly #res: ServerResponse;
  #controller: Dispatcher.DispatchController | null = null;

  constructor(res: ServerResponse) {
    this.#res = res;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    const raw = (controller as unknown as { rawHeaders: Buffer[] }).rawHeaders.map(String);
    this.#res.writeHead(
      status,
      withoutHop(raw).concat('content-length', raw[raw.indexOf('Content-Length') + 1]!),
    );
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#res.end(chunk.toString('latin1'), 'latin1');
  }

  onResponseEnd(): void {
    if (!this.#res.writableEnded) this.#res.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, _error: Error): void {
    this.#res.destroy(this.#controller?.reason ?? undefined);
  }
}

function withoutHop(raw: readonly string[]): string[] {
  const out: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase();
    if (!hop.has(name)) out.push(name, raw[i + 1]!);
  }
  return out;
}

function forward(req: IncomingMessage, res: ServerResponse, body: Buffer): void {
  const headers = withoutHop(req.rawHeaders).concat('content-length', String(body.length));
  const method = req.method as Dispatcher.HttpMethod;
  pool.dispatch({ method, path: req.url!, headers, body }, new Relay(res));
}

createServer((req, res) => {
  const chunks: Buffer[] = [];
  req.on('data', (chunk: Buffer) => chunks.push(chunk));
  req.on('end', () => forward(req, res, chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
}).listen(port, '127.0.0.1');
