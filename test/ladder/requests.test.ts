import { createServer as createTcpServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RungSettings } from '../../src/config/rung-settings.ts';
import { HookSleeper } from '../../src/ladder/hook-sleeper.ts';
import { Listeners } from '../probe/listeners.ts';
import { isSleeping, post, rung } from './rungs.ts';

interface Seen {
  readonly route: string;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

type Answer = { status?: number; body?: string };

describe('rungs taken by requests', () => {
  const signal = new AbortController().signal;
  let listeners: Listeners;
  let seen: Seen[];

  beforeEach(() => {
    listeners = new Listeners();
    seen = [];
  });
  afterEach(() => listeners.close());

  const listen = (answer: (route: string) => Answer | Promise<Answer>) =>
    listeners.listenHttp(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const route = `${request.method} ${request.url}`;
      seen.push({ route, headers: request.headers, body: Buffer.concat(chunks).toString() });
      const { status = 200, body = '' } = await answer(route);
      response.writeHead(status).end(body);
    });
  const sleeper = (...rungs: RungSettings[]) =>
    new HookSleeper({ model: 'llama', rungs: () => rungs, headers: () => ({ authorization: 'Bearer own' }) });
  const at = (origin: string | null) => ({ id: 'a', origin, pid: null });
  const down = { from: null, to: 0 } as const;
  const routes = () => seen.map(({ route }) => route);

  it('are asked for step by step, with the headers of the backend and a body of JSON', async () => {
    const origin = await listen(() => ({}));
    const rungs = sleeper(
      rung([post('/sleep?level=2')], [post('/up?a=b'), post('/rpc', { body: '{"m":1}' })]),
    );
    await rungs.sleep(at(origin), down, signal);
    await rungs.wake(at(origin), 0, signal);
    expect(routes()).toEqual(['POST /sleep?level=2', 'POST /up?a=b', 'POST /rpc']);
    expect(seen[0]).toMatchObject({
      body: '',
      headers: { authorization: 'Bearer own', 'content-length': '0' },
    });
    expect(seen[2]).toMatchObject({ body: '{"m":1}', headers: { 'content-type': 'application/json' } });
  });

  it('are asked for over a connection each', async () => {
    const origin = await listen(() => ({}));
    await sleeper(rung([post('/a'), post('/b')], [])).sleep(at(origin), down, signal);
    expect(seen.map(({ headers }) => headers.connection)).toEqual(['close', 'close']);
  });

  it('end at the first step that fails, with what the replica said in one line', async () => {
    const origin = await listen((route) =>
      route === 'POST /b' ? { status: 500, body: 'CUDA\n  error' } : {},
    );
    const taken = sleeper(rung([post('/a'), post('/b'), post('/c')], [])).sleep(at(origin), down, signal);
    await expect(taken).rejects.toThrow(/^POST \/b: 500 CUDA error$/);
    expect(routes()).toEqual(['POST /a', 'POST /b']);
  });

  it.each([
    ['a redirect', [], 307, /^POST \/a: 307$/],
    ['another status than those given', [204], 200, /^POST \/a: 200$/],
  ])('fail with %s', async (_, statuses, status, message) => {
    const origin = await listen(() => ({ status }));
    await expect(
      sleeper(rung([post('/a', { statuses })], [])).sleep(at(origin), down, signal),
    ).rejects.toThrow(message);
  });

  it('take a status that was named', async () => {
    const origin = await listen(() => ({ status: 409 }));
    await sleeper(rung([post('/a', { statuses: [200, 409] })], [])).sleep(at(origin), down, signal);
    expect(routes()).toEqual(['POST /a']);
  });

  it('fail where nobody listens, where the connection is cut, and where no address is known', async () => {
    const rungs = sleeper(rung([post('/a')], []));
    const refused = await listen(() => ({}));
    await listeners.end();
    await expect(rungs.sleep(at(refused), down, signal)).rejects.toThrow(/^POST \/a: ECONNREFUSED$/);
    const cut = await listeners.listen(createTcpServer((socket) => socket.resetAndDestroy()));
    await expect(rungs.sleep(at(cut), down, signal)).rejects.toThrow(/^POST \/a: ECONNRESET$/);
    await expect(rungs.sleep(at(null), down, signal)).rejects.toThrow(/^POST \/a: its address is not known$/);
  });

  it('fail when an answer does not come, or does not end, in time', async () => {
    const rungs = sleeper(rung([post('/a', { timeoutMs: 50 })], []));
    const silent = await listen(() => new Promise(() => undefined));
    await expect(rungs.sleep(at(silent), down, signal)).rejects.toThrow(/^POST \/a: no answer in 50 ms$/);
    const slow = await listeners.listenHttp((_, response) => response.writeHead(200).write('...'));
    await expect(rungs.sleep(at(slow), down, signal)).rejects.toThrow(/^POST \/a: no answer in 50 ms$/);
  });

  it('read no more than 64 KiB of an answer that does not end', async () => {
    const origin = await listeners.listenHttp((_, response) => {
      response.writeHead(500);
      const write = () =>
        response.write('x'.repeat(4_096)) ? setImmediate(write) : response.once('drain', write);
      write();
    });
    const taken = sleeper(rung([post('/a')], [])).sleep(at(origin), down, signal);
    await expect(taken).rejects.toThrow(/^POST \/a: 500 x{120}$/);
  });

  it('are given up with the reason of the signal', async () => {
    const giveUp = new AbortController();
    const origin = await listen(() => {
      giveUp.abort(new Error('enough'));
      return new Promise(() => undefined);
    });
    const rungs = sleeper(rung([post('/a')], [post('/b')], isSleeping));
    await expect(rungs.sleep(at(origin), down, giveUp.signal)).rejects.toThrow(/^enough$/);
    await expect(rungs.wake(at(origin), 0, giveUp.signal)).rejects.toThrow(/^enough$/);
    await expect(rungs.rungOf(at(origin), giveUp.signal)).rejects.toThrow(/^enough$/);
    expect(routes()).toEqual(['POST /a']);
  });

  it('are taken from awake: one on a shallower rung is woken first', async () => {
    const origin = await listen(() => ({}));
    const rungs = sleeper(rung([post('/down/0')], [post('/up/0')]), rung([post('/down/1')], [post('/up/1')]));
    await rungs.sleep(at(origin), { from: 0, to: 1 }, signal);
    expect(routes()).toEqual(['POST /up/0', 'POST /down/1']);
  });

  it('are the ones of the moment', async () => {
    const origin = await listen(() => ({}));
    const rungs = [rung([post('/old')], [])];
    const changing = sleeper(...rungs);
    rungs[0] = rung([post('/new')], []);
    const live = new HookSleeper({ model: 'llama', rungs: () => rungs, headers: () => ({}) });
    await live.sleep(at(origin), down, signal);
    rungs.length = 0;
    await expect(live.wake(at(origin), 0, signal)).rejects.toThrow('there is no rung 0 any more');
    await changing.sleep(at(origin), down, signal);
    expect(routes()).toEqual(['POST /new', 'POST /old']);
  });

  describe('with a check', () => {
    /** Sleeps and wakes only when it was asked so often whether it does. */
    const lagging = (questions: number) => {
      let isAsleep = false;
      let wanted = false;
      let left = 0;
      return listen((route) => {
        if (route !== 'GET /is_sleeping') {
          wanted = route === 'POST /down';
          left = questions;
          return {};
        }
        if (left-- <= 0) isAsleep = wanted;
        return { body: `{ "is_sleeping": ${isAsleep} }` };
      });
    };
    const checked = (timeoutMs = 5_000) =>
      rung([post('/down', { timeoutMs })], [post('/up', { timeoutMs })], isSleeping);

    it('wait until the replica says that it is asleep, and awake', async () => {
      const origin = await lagging(2);
      const rungs = sleeper(checked());
      await rungs.sleep(at(origin), down, signal);
      const check = 'GET /is_sleeping';
      expect(routes()).toEqual(['POST /down', check, check, check]);
      expect(await rungs.rungOf(at(origin), signal)).toBe(0);
      seen = [];
      await rungs.wake(at(origin), 0, signal);
      expect(routes()).toEqual([check, 'POST /up', check, check, check]);
      expect(await rungs.rungOf(at(origin), signal)).toBeNull();
    });

    it('fail when it does not come to sleep or wake in time', async () => {
      const origin = await lagging(Number.POSITIVE_INFINITY);
      const check = { ...isSleeping, timeoutMs: 20 };
      const rungs = sleeper(rung([post('/down', { timeoutMs: 30 })], [], check));
      await expect(rungs.sleep(at(origin), down, signal)).rejects.toThrow(
        'GET /is_sleeping: not asleep after 30 ms',
      );
    });

    it('wake nobody who says that it is awake', async () => {
      const origin = await lagging(0);
      await sleeper(checked()).wake(at(origin), 0, signal);
      expect(routes()).toEqual(['GET /is_sleeping']);
    });

    it('tell the deepest rung that the replica says it is on', async () => {
      const origin = await listen((route) => ({ body: route === 'GET /light' ? 'no' : 'asleep' }));
      const asks = (path: string) =>
        ({ ask: { kind: 'http', path }, asleep: 'asleep', timeoutMs: 1_000 }) as const;
      const rungs = ['/deep', '/deeper', '/light'].map((path) => rung([], [], asks(path)));
      expect(await sleeper(...rungs).rungOf(at(origin), signal)).toBe(1);
      expect(routes()).toEqual(['GET /light', 'GET /deeper']);
    });

    it.each([
      ['with another status', () => ({ status: 404, body: '{"is_sleeping":true}' })],
      ['with something else', () => ({ body: 'what?' })],
    ])('tell no rung of one that answers %s', async (_, answer) => {
      const origin = await listen(answer);
      expect(await sleeper(checked()).rungOf(at(origin), signal)).toBeNull();
    });

    it('tell no rung of one that cannot be reached, or has no address', async () => {
      const origin = await listen(() => ({}));
      await listeners.end();
      expect(await sleeper(checked()).rungOf(at(origin), signal)).toBeNull();
      expect(await sleeper(checked()).rungOf(at(null), signal)).toBeNull();
    });
  });
});
