import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A webhook as it came in. */
export interface Received {
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** A receiver of webhooks on a real socket. */
export interface WebhookReceiver {
  /** `http://HOST:PORT/hook`. */
  readonly url: string;
  readonly port: number;
  /** All there were, in order. */
  readonly received: readonly Received[];
  /** Connections that are open, or were. */
  readonly connections: number;
  /** Resolves once there were `count` of them. */
  count(count: number): Promise<void>;
  close(): Promise<void>;
}

/** `answer` writes the answer, or leaves it; default 204. */
export async function startReceiver(
  answer: (res: ServerResponse, nth: number) => void = (res) => res.writeHead(204).end(),
  host = '127.0.0.1',
): Promise<WebhookReceiver> {
  const received: Received[] = [];
  const waiting = new Set<() => void>();
  let connections = 0;
  const server = createServer(async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk);
    received.push({ headers: plain(req.headers), body: Buffer.concat(chunks).toString() });
    for (const look of waiting) look();
    answer(res, received.length);
  });
  server.on('connection', () => {
    connections++;
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host}:${port}/hook`,
    port,
    received,
    get connections() {
      return connections;
    },
    count: (count) =>
      new Promise((resolve) => {
        const look = () => {
          if (received.length < count) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function plain(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
