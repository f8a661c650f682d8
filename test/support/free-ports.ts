import { createServer } from 'node:net';

/** Below the range that the system gives outgoing connections, so that none of those can take a port meanwhile. */
const range = { from: 12_000, count: 18_000 };
/** Test files that run beside each other have ports of their own: between being found and being used a port is free to all. */
const slices = 9;
const slice = range.count / slices;
const from = range.from + (Number(process.env.VITEST_POOL_ID ?? 0) % slices) * slice;
let next = Math.floor(Math.random() * slice);

/** So many ports on which nobody listens now, and that nobody else here is given soon. */
export async function freePorts(count: number): Promise<number[]> {
  const found: number[] = [];
  while (found.length < count) {
    const port = from + next;
    next = (next + 1) % slice;
    if (await isFree(port)) found.push(port);
  }
  return found;
}

/** One such port. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port!;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, () => server.close(() => resolve(true)));
  });
}
