import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A backend whose answers the test writes itself; /health is 200 unless the test says otherwise. */
export interface Backend {
  readonly url: string;
  readonly server: Server;
  /** Requests besides /health, in order of arrival. */
  readonly seen: {
    readonly method: string;
    readonly url: string;
    readonly headers: IncomingMessage['headers'];
    readonly body: string;
  }[];
  /** How often /health was asked. */
  readonly probes: () => number;
  /** Most requests at once so far. */
  readonly peak: () => number;
  isReady: boolean;
  /** /health is answered after it; resolved unless the test says otherwise. */
  healthAfter: Promise<void>;
  close(): Promise<void>;
}

export type Answer = (res: ServerResponse, req: IncomingMessage, body: string) => void;

/** Listens on a free loopback port. */
export async function startBackend(answer: Answer, port = 0): Promise<Backend> {
  let running = 0;
  let peak = 0;
  let probes = 0;
  const backend = { isReady: true, healthAfter: Promise.resolve(), seen: [] as Backend['seen'] };
  const server = createServer(async (req, res) => {
    if (req.url === '/health') {
      probes++;
      await backend.healthAfter;
      res.writeHead(backend.isReady ? 200 : 503).end(backend.isReady ? 'ok' : 'Loading model');
      return;
    }
    peak = Math.max(peak, ++running);
    res.on('close', () => running--);
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    backend.seen.push({ method: req.method!, url: req.url!, headers: req.headers, body });
    answer(res, req, body);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return Object.assign(backend, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    probes: () => probes,
    peak: () => peak,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

/** Answers with a small JSON document. */
export const answerJson: Answer = (res) => {
  res.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}');
};
