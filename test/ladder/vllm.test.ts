import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ladderOf } from '../../src/config/rungs.ts';
import { type DemoBackendOptions, parseDemoArgs } from '../../src/demo-backend/options.ts';
import { startDemoBackend } from '../../src/demo-backend/server.ts';
import { HookSleeper } from '../../src/ladder/hook-sleeper.ts';
import { Listeners } from '../probe/listeners.ts';

/** The demo backend sleeps as vLLM does: it dies of a request meanwhile, and needs its weights after level 2. */
const flags = '--port 0 --load-time 0ms --first-token 1ms --wake-time 1ms --reload-time 1ms --sleep-mode on';

describe('the rungs vllm-1 and vllm-2', () => {
  const signal = new AbortController().signal;
  const rungs = ladderOf(['vllm-1', 'vllm-2'], 'process');
  const sleeper = new HookSleeper({ model: 'llama', rungs: () => rungs, headers: () => ({}) });
  let close: (() => Promise<void>) | undefined;
  let origin: string;

  beforeEach(() => {
    close = undefined;
  });
  afterEach(() => close?.());

  const start = async (changes: Partial<DemoBackendOptions> = {}) => {
    const backend = await startDemoBackend({ ...parseDemoArgs(flags.split(' ')), ...changes });
    close = () => backend.close();
    origin = `http://127.0.0.1:${backend.port}`;
    return { id: 'a', origin, pid: null };
  };
  const ask = async () => {
    const body = JSON.stringify({ model: 'demo', prompt: 'Hi', max_tokens: 1 });
    return (await fetch(`${origin}/v1/completions`, { method: 'POST', body })).status;
  };

  it.each([0, 1])('take a replica down and up: rung %i', async (to) => {
    const replica = await start();
    expect(await sleeper.rungOf(replica, signal)).toBeNull();
    await sleeper.sleep(replica, { from: null, to }, signal);
    expect(await sleeper.rungOf(replica, signal)).not.toBeNull();
    await sleeper.wake(replica, to, signal);
    expect([await sleeper.rungOf(replica, signal), await ask()]).toEqual([null, 200]);
  });

  it('lead from the first to the second: level 2 is really taken', async () => {
    const replica = await start();
    await sleeper.sleep(replica, { from: null, to: 0 }, signal);
    await sleeper.sleep(replica, { from: 0, to: 1 }, signal);
    await fetch(`${origin}/wake_up`, { method: 'POST' });
    expect(await ask()).toBe(500);
  });

  it('tell of a replica that sleeps the deeper one, whose way up is right from both', async () => {
    const replica = await start();
    await sleeper.sleep(replica, { from: null, to: 0 }, signal);
    expect(await sleeper.rungOf(replica, signal)).toBe(1);
    await sleeper.wake(replica, 1, signal);
    expect(await ask()).toBe(200);
  });

  it('are asked about once where they are checked in the same way', async () => {
    const replica = await start();
    const asked = await countRequests(replica.origin, async (origin) => {
      expect(await sleeper.rungOf({ ...replica, origin }, signal)).toBeNull();
    });
    expect(asked).toEqual(['GET /is_sleeping']);
  });

  it('leave the way up of the deeper one where that of the first fails', async () => {
    const replica = await start({ failing: ['/wake_up'] });
    await sleeper.sleep(replica, { from: null, to: 0 }, signal);
    await expect(sleeper.wake(replica, 0, signal)).rejects.toThrow(/^POST \/wake_up: 500 /);
    await sleeper.wake(replica, 1, signal);
    expect(await ask()).toBe(200);
  });

  it('fail where the server was started without the sleep mode', async () => {
    const replica = await start({ hasSleepMode: false });
    const taken = sleeper.sleep(replica, { from: null, to: 0 }, signal);
    await expect(taken).rejects.toThrow(/^POST \/sleep\?level=1: 404 /);
  });
});

/** The requests that come to a server meanwhile, which passes them on to `origin`. */
async function countRequests(origin: string, fn: (origin: string) => Promise<void>): Promise<string[]> {
  const listeners = new Listeners();
  const asked: string[] = [];
  const between = await listeners.listenHttp(async (request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.end(await (await fetch(`${origin}${request.url}`)).text());
  });
  try {
    await fn(between);
  } finally {
    listeners.close();
  }
  return asked;
}
