import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { isAlive } from '../drivers/process/children.ts';
import { Served, writeConfig } from '../support/served.ts';
import { ask, untilState, viewOf, World, waitingAt } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

/**
 * Loads for argv[2] milliseconds, ignores SIGTERM, has a child of its own, begins a stream for `stream: true` and tells
 * its pids to all others.
 */
const script = `
  const loadedAt = Date.now() + Number(process.argv[2]);
  process.on('SIGTERM', () => {});
  const child = require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  require('http').createServer((req, res) => {
    if (req.url === '/pids') return res.end(JSON.stringify([process.pid, child.pid]));
    if (Date.now() < loadedAt) return res.writeHead(503).end('Loading model');
    if (req.url === '/health') return res.end('ok');
    let body = '';
    req.on('data', (chunk) => body += chunk).on('end', () => {
      if (!body.includes('"stream":true')) return res.end(JSON.stringify([process.pid, child.pid]));
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write('data: 1\\n\\n');
    });
  }).listen(+process.argv[1], '127.0.0.1', () => console.log('listening'));
`;

/** `serve` of a configuration of its own, with the model `m`. */
async function serve(loadMs: number): Promise<{ served: Served; file: string }> {
  const command = JSON.stringify([process.execPath, '-e', script, '{port}', String(loadMs)]);
  const config = writeConfig(`
  m:
    backend: { driver: process, command: ${command}, stopGrace: 100ms }
    concurrency: 1
`);
  world.onClose(() => config.remove());
  return { served: await again(config.file), file: config.file };
}

async function again(file: string): Promise<Served> {
  const served = await Served.start(file);
  world.onClose(() => served.end());
  return served;
}

/** Where the model's replica listens, and the pids of what it is. */
async function replicaOf(served: Served): Promise<{ origin: string; pids: number[] }> {
  const found = await vi.waitUntil(
    async () => {
      const origin = (await viewOf(served)).replicas[0]?.origin ?? null;
      const answer = origin === null ? null : await fetch(`${origin}/pids`).catch(() => null);
      return answer === null ? null : { origin: origin!, pids: (await answer.json()) as number[] };
    },
    { timeout: 10_000, interval: 10 },
  );
  world.onClose(() => {
    for (const pid of found.pids) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  });
  return found;
}

async function isFree(origin: string): Promise<boolean> {
  const server = createServer().listen(Number(new URL(origin).port), '127.0.0.1');
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.once('listening', () => server.close(() => resolve(true)));
  });
}

/** A process with the command line of a replica, which no gateway started. */
async function startInnocent(): Promise<ChildProcess> {
  const stdio = ['ignore', 'pipe', 'inherit'] as const;
  const child = spawn(process.execPath, ['-e', script, '0', '0'], { detached: true, stdio: [...stdio] });
  // With its own child, which is in its group.
  world.onClose(() => void process.kill(-child.pid!, 'SIGKILL'));
  await once(child.stdout!, 'data');
  return child;
}

describe.runIf(process.platform === 'linux')('kill -9 of the gateway', () => {
  it('cuts its clients; the next start ends what it left, and only that, and serves', async () => {
    const [{ served, file }, other] = await Promise.all([serve(150), serve(150)]);
    const innocent = await startInnocent();
    const [stream, otherAnswer] = [ask(served, { stream: true }), ask(other.served)];
    const { origin, pids } = await replicaOf(served);
    await stream.until(/data: 1/);
    const otherPids = JSON.parse((await otherAnswer.whole()).text) as number[];
    const waiters = [ask(served), ask(served)];
    await expect.poll(() => waitingAt(served)).toBe(2);

    served.kill('SIGKILL');
    for (const exchange of [stream, ...waiters]) expect(await exchange.end).toBe('cut');
    expect(await served.exit).toEqual({ code: null, signal: 'SIGKILL' });
    expect(pids.map(isAlive)).toEqual([true, true]);
    expect(await isFree(origin)).toBe(false);

    const next = await again(file);
    expect(pids.map(isAlive)).toEqual([false, false]);
    expect(await isFree(origin)).toBe(true);
    const msg = 'ended processes that an earlier gateway left behind';
    await expect.poll(() => next.log).toContainEqual(expect.objectContaining({ orphans: 2, msg }));
    const { status, text } = await ask(next).whole();
    expect(status).toBe(200);
    expect(pids).not.toContain((JSON.parse(text) as number[])[0]);
    expect([innocent.pid!, ...otherPids].map(isAlive)).toEqual([true, true, true]);
    expect(JSON.parse((await ask(other.served).whole()).text)).toEqual(otherPids);
  });

  it('in the middle of a start leaves nothing behind either', async () => {
    const { served, file } = await serve(60_000);
    const waiter = ask(served);
    await untilState(served, 'starting');
    const { pids } = await replicaOf(served);
    served.kill('SIGKILL');
    expect(await waiter.end).toBe('cut');
    expect(pids.map(isAlive)).toEqual([true, true]);
    await again(file);
    expect(pids.map(isAlive)).toEqual([false, false]);
  });
});
