import type { ServerResponse } from 'node:http';
import { Agent, get } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { isAlive } from '../drivers/process/children.ts';
import type { Backend } from '../support/backend.ts';
import { Exchange } from '../support/exchange.ts';
import { Served, writeConfig } from '../support/served.ts';
import { ask, fixedModel, processModel, untilState, viewOf, World, waitingAt } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

async function serve(models: string, drain: string): Promise<Served> {
  const config = writeConfig(models, `drain: ${drain}`);
  world.onClose(() => config.remove());
  const served = await Served.start(config.file);
  world.onClose(() => served.end());
  return served;
}

/** A backend that answers when the test says so. */
async function patientBackend(): Promise<{ backend: Backend; held: ServerResponse[] }> {
  const held: ServerResponse[] = [];
  const backend = await world.backend((res) => void held.push(res));
  return { backend, held };
}

const beginStream = (res: ServerResponse) => {
  res.writeHead(200, { 'content-type': 'text/event-stream' });
  res.write('data: {"n":1}\n\n');
};

async function readiness(served: Served): Promise<{ status: number; reason: string }> {
  const response = await fetch(`${served.adminUrl}/readyz`);
  return { status: response.status, reason: ((await response.json()) as { status: string }).status };
}

const untilDraining = (served: Served) =>
  expect.poll(() => readiness(served), { interval: 10 }).toEqual({ status: 503, reason: 'draining' });

/** What is there when it drains: a stream under way and a request in the queue. */
async function streamAndWaiter(served: Served, held: ServerResponse[]) {
  const stream = ask(served, { stream: true });
  await expect.poll(() => held.length).toBe(1);
  beginStream(held[0]!);
  await stream.until(/"n":1/);
  const waiter = ask(served);
  await expect.poll(() => waitingAt(served)).toBe(1);
  return { stream, waiter };
}

describe('SIGTERM', () => {
  it('fails readiness, refuses what is new, serves who waits and streams, and ends with code 0', async () => {
    const { backend, held } = await patientBackend();
    const served = await serve(fixedModel([backend.url], 'concurrency: 1'), '20s');
    expect(await readiness(served)).toEqual({ status: 200, reason: 'ready' });
    const { stream, waiter } = await streamAndWaiter(served, held);
    served.kill('SIGTERM');
    await untilDraining(served);

    const refused = await ask(served).whole();
    expect([refused.status, JSON.parse(refused.text)]).toMatchObject([503, { error: { code: 'draining' } }]);
    expect(refused.headers).toMatchObject({
      connection: 'close',
      'retry-after': '1',
      'x-should-retry': 'true',
    });
    held[0]!.end('data: [DONE]\n\n');
    expect(await stream.end).toBe('whole');
    expect(stream.text).toMatch(/data: \[DONE\]\n\n$/);
    await expect.poll(() => held.length).toBe(2);
    held[1]!.end('late');
    expect(await waiter.whole()).toMatchObject({ status: 200, text: 'late', end: 'whole' });
    expect(await served.exit).toEqual({ code: 0, signal: null });
    await expect(fetch(served.url)).rejects.toThrow();
    const outcomes = served.log.filter(({ msg }) => msg === 'request').map(({ outcome }) => outcome);
    expect(outcomes).toEqual(['draining', 'answered', 'answered']);
    expect(served.log.some(({ msg }) => String(msg).includes('were cut'))).toBe(false);
  });

  it('lets a start come to its end for those who wait for it, and ends the process that it started', async () => {
    const served = await serve(processModel(500), '20s');
    const waiter = ask(served);
    await untilState(served, 'starting');
    served.kill('SIGTERM');
    const { status, text } = await waiter.whole();
    expect(status).toBe(200);
    expect(await served.exit).toEqual({ code: 0, signal: null });
    expect(isAlive((JSON.parse(text) as { pid: number }).pid)).toBe(false);
  });

  it('ends at once when nothing is under way, whatever connections are kept open', async () => {
    const { backend } = await patientBackend();
    const served = await serve(fixedModel([backend.url]), '20s');
    const agent = new Agent({ keepAlive: true });
    world.onClose(() => agent.destroy());
    await new Promise<void>((resolve, reject) => {
      get(`${served.url}/v1/models`, { agent }, (res) => res.resume().once('end', resolve)).once(
        'error',
        reject,
      );
    });
    const sentAtMs = performance.now();
    served.kill('SIGTERM');
    expect(await served.exit).toEqual({ code: 0, signal: null });
    expect(performance.now() - sentAtMs).toBeLessThan(3_000);
  });
});

describe('SIGTERM with a drain that is too short', () => {
  it('tells every stream in its dialect and cuts it, refuses who waits, and counts them', async () => {
    const { backend, held } = await patientBackend();
    const served = await serve(fixedModel([backend.url], 'concurrency: 3'), '300ms');
    const endings = {
      '/v1/chat/completions': /\n\ndata: \{"error":\{[^\n]*"code":"draining"\}\}\n\n$/,
      '/v1/responses': /\n\nevent: error\ndata: \{"type":"error","code":"draining",[^\n]*\}\n\n$/,
      '/v1/messages':
        /\n\nevent: error\ndata: \{"type":"error","error":\{"type":"overloaded_error",[^\n]*\}\n\n$/,
    };
    const streams = Object.keys(endings).map(
      (route) => new Exchange(served.url + route, { model: 'm', stream: true, messages: [] }),
    );
    await expect.poll(() => held.length).toBe(3);
    for (const res of held) beginStream(res);
    for (const stream of streams) await stream.until(/"n":1/);
    const waiter = ask(served);
    await expect.poll(() => waitingAt(served)).toBe(1);
    served.kill('SIGTERM');
    for (const [index, ending] of Object.values(endings).entries()) {
      expect(await streams[index]!.end).toBe('cut');
      expect(streams[index]!.text).toMatch(ending);
    }
    const { status, text, headers } = await waiter.whole();
    expect([status, headers.connection]).toEqual([503, 'close']);
    expect(text).toContain('"code":"draining"');
    expect(await served.exit).toEqual({ code: 0, signal: null });
    expect(served.log.find(({ msg }) => String(msg).includes('were cut'))).toMatchObject({ requests: 4 });
    const outcomes = served.log.filter(({ msg }) => msg === 'request').map(({ outcome }) => outcome);
    expect(outcomes).toEqual(Array(4).fill('draining'));
    expect(held).toHaveLength(3);
  });
});

/** Ignores SIGTERM, and has a child that left its group: what an ordinary end would take long for. */
const stubbornScript = `
  process.on('SIGTERM', () => {});
  const child = require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' });
  require('http').createServer((req, res) => {
    if (req.url === '/health') return res.end('ok');
    if (req.method === 'GET') return res.end(JSON.stringify([process.pid, child.pid]));
  }).listen(+process.argv[1], '127.0.0.1');
`;

describe('a second signal', () => {
  it.each([
    ['SIGINT', 'SIGTERM', 143],
    ['SIGTERM', 'SIGINT', 130],
  ] as const)(
    '(%s, then %s) ends it quickly with %i and leaves no process behind',
    async (first, second, code) => {
      const command = JSON.stringify([process.execPath, '-e', stubbornScript, '{port}']);
      const served = await serve(
        `\n  m: { backend: { driver: process, command: ${command}, stopGrace: 20s } }\n`,
        '20s',
      );
      const stuck = ask(served);
      await untilState(served, 'ready');
      const { origin } = (await viewOf(served)).replicas[0]!;
      const pids = (await (await fetch(origin)).json()) as number[];
      world.onClose(() => {
        for (const pid of pids) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
      });
      expect(pids.map(isAlive)).toEqual([true, true]);
      served.kill(first);
      await untilDraining(served);
      const sentAtMs = performance.now();
      served.kill(second);
      expect(await served.exit).toEqual({ code, signal: null });
      expect(performance.now() - sentAtMs).toBeLessThan(2_000);
      // Killed before the gateway was gone; the kernel may take a moment longer for it.
      await expect.poll(() => pids.map(isAlive)).toEqual([false, false]);
      expect(await stuck.end).toBe('cut');
    },
  );
});
