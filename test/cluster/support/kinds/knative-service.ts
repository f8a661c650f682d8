import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';

/** Local to the loopback of the suite's network, as the addresses of pods are, and none that a played node gives. */
const address = '198.18.250.1';

/** What stands behind the address of a Knative Service. */
export interface KnativeRoute {
  /** `http://ADDRESS:PORT`. */
  readonly url: string;
  /** Method and path of each request that came, in order. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

/** Plays the activator of a revision without pods: the first request wakes it, and whoever comes is held until it is up. */
export async function playKnativeRoute(coldMs: number): Promise<KnativeRoute> {
  const requests: string[] = [];
  let woken: Promise<void> | null = null;
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    woken ??= pause(coldMs);
    void Promise.all([text(request), woken]).then(([body]) => {
      const { model } = JSON.parse(body) as { model: string };
      const message = { role: 'assistant', content: 'woken' };
      const choices = [{ index: 0, message, finish_reason: 'stop' }];
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion', created: 1, model, choices }),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${address}:${port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
