import { createServer } from 'node:net';

/**
 * Finds ports that nobody listens on. Between the finding and the child's listening another program may take one: the
 * child then exits, which is reported like any exit. Its own children never get the same one.
 */
export class PortFinder {
  readonly #host: string;
  readonly #takenPorts = new Set<number>();

  constructor(host: string) {
    this.#host = host;
  }

  /** Takes a port until `release`. Rejects when the system has none. */
  async take(): Promise<number> {
    for (;;) {
      const port = await findFreePort(this.#host);
      if (this.#takenPorts.has(port)) continue;
      this.#takenPorts.add(port);
      return port;
    }
  }

  release(port: number): void {
    this.#takenPorts.delete(port);
  }
}

function findFreePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, host, () => {
      const address = server.address();
      const port = address !== null && typeof address === 'object' ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
