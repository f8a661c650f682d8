import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { parseDemoArgs } from '../../src/demo-backend/options.ts';
import { startDemoBackend } from '../../src/demo-backend/server.ts';
import { createAppHooks, HookRefused } from '../../src/sidecar/model/sleep/app-hooks.ts';
import { Listeners } from '../probe/listeners.ts';

const options = {
  idleMs: 1_000,
  sleep: { method: 'POST', path: '/sleep?level=1' },
  wake: { method: 'POST', path: '/wake_up' },
  ready: {
    kind: 'http',
    path: '/health',
    statuses: [200],
    body: null,
    timeoutMs: 1_000,
    startupMs: 5_000,
    loading: '',
    headers: {},
  },
} as const;

describe('the hooks of an app', () => {
  const signal = new AbortController().signal;
  let listeners: Listeners;
  beforeEach(() => {
    listeners = new Listeners();
  });
  afterEach(() => listeners.close());

  const hooksAt = (origin: string, more: Partial<typeof options> = {}) => {
    const user = { host: '127.0.0.1', port: Number(new URL(origin).port) };
    return createAppHooks({ ...options, ...more }, user, systemClock);
  };

  it('send vLLM to sleep and wake it', async () => {
    const flags = '--port 0 --load-time 0ms --first-token 1ms --wake-time 1ms --sleep-mode on';
    const backend = await startDemoBackend(parseDemoArgs(flags.split(' ')));
    try {
      const origin = `http://127.0.0.1:${backend.port}`;
      const isSleeping = async () => (await (await fetch(`${origin}/is_sleeping`)).json()) as object;
      const hooks = hooksAt(origin);
      await hooks.sleep(signal);
      expect(await isSleeping()).toEqual({ is_sleeping: true });
      await hooks.wake(signal);
      expect(await isSleeping()).toEqual({ is_sleeping: false });
    } finally {
      await backend.close();
    }
  });

  it('are the requests of the settings, and wait until the app is ready', async () => {
    const requests: string[] = [];
    const origin = await listeners.listenHttp((request, response) => {
      requests.push(`${request.method} ${request.url} ${request.headers['content-length'] ?? ''}`.trimEnd());
      const isReady = requests.filter((line) => line === 'GET /health').length > 1;
      response.writeHead(request.url === '/health' && !isReady ? 503 : 200).end();
    });
    const hooks = hooksAt(origin, { wake: { method: 'PUT', path: '/state/up' } } as object);
    await hooks.wake(signal);
    expect(requests).toEqual(['PUT /state/up 0', 'GET /health', 'GET /health']);
  });

  it('are refused by another status than 200 to 299', async () => {
    const origin = await listeners.listenHttp((_, response) => response.writeHead(404).end('no\nsuch page'));
    await expect(hooksAt(origin).sleep(signal)).rejects.toThrow(
      new HookRefused('POST /sleep?level=1: 404 no such page'),
    );
    await expect(hooksAt(origin).sleep(signal)).rejects.toBeInstanceOf(HookRefused);
  });

  it('fail where no answer comes, which is no refusal', async () => {
    const origin = await listeners.listenHttp((request) => request.socket.destroy());
    const failure = await hooksAt(origin)
      .sleep(signal)
      .catch((error) => error);
    expect(failure.message).toBe('POST /sleep?level=1: ECONNRESET');
    expect(failure).not.toBeInstanceOf(HookRefused);
  });

  it('fail when the app is not ready in time', async () => {
    const origin = await listeners.listenHttp((request, response) =>
      response.writeHead(request.url === '/health' ? 503 : 200).end(),
    );
    const hooks = hooksAt(origin, { ready: { ...options.ready, startupMs: 150 } } as object);
    await expect(hooks.wake(signal)).rejects.toThrow('not awake after 150 ms: GET /health: 503');
  });

  it('end with the signal', async () => {
    const closing = new AbortController();
    let isAsked = false;
    const origin = await listeners.listenHttp(() => {
      isAsked = true;
    });
    const sleeping = hooksAt(origin).sleep(closing.signal);
    await expect.poll(() => isAsked).toBe(true);
    closing.abort(new Error('closed'));
    await expect(sleeping).rejects.toThrow('closed');
  });
});
