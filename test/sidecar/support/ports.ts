import { createServer } from 'node:net';

/** Below the range that the system gives outgoing connections, so that none of those can take a port meanwhile. */
const range = { from: 12_000, count: 18_000 };

/** So many ports on which nobody listens now. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  while (found.size < count) {
    const port = range.from + Math.floor(Math.random() * range.count);
    if (!found.has(port) && (await isFree(port))) found.add(port);
  }
  return [...found];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, () => server.close(() => resolve(true)));
  });
}
