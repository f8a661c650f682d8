import { createServer as createTcpServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Prober, WarmUpSpec } from '../../src/core/prober.ts';
import { createProber } from '../../src/probe/http-prober.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { Listeners } from './listeners.ts';

const one: WarmUpSpec = {
  requests: [{ path: '/v1/completions', body: '{"max_tokens":1}' }],
  timeoutMs: 60_000,
  headers: { authorization: 'Bearer k' },
};
const several: WarmUpSpec = {
  ...one,
  requests: ['/a', '/b', '/c'].map((path) => ({ path, body: '{}' })),
};

describe('the request that warms a replica', () => {
  const signal = new AbortController().signal;
  let clock: ManualClock;
  let prober: Prober & { close(): Promise<void> };
  let listeners: Listeners;

  beforeEach(() => {
    clock = new ManualClock();
    prober = createProber({ clock });
    listeners = new Listeners();
  });
  afterEach(async () => {
    await prober.close();
    expect(clock.pendingTimers).toBe(0);
    listeners.close();
  });

  it('is posted as JSON with the headers of the backend, below the path prefix of the origin', async () => {
    const seen: unknown[] = [];
    const origin = await listeners.listenHttp(async (request, response) => {
      const { method, url, headers } = request;
      seen.push(method, url, headers['content-type'], headers.authorization, await text(request));
      response.end('{"choices":[]}');
    });
    expect(await prober.warm(`${origin}/llm`, one, signal)).toBeNull();
    expect(seen).toEqual(['POST', '/llm/v1/completions', 'application/json', 'Bearer k', '{"max_tokens":1}']);
  });

  it('is a GET where it has no body', async () => {
    const origin = await listeners.listenHttp((request, response) => {
      response.writeHead(request.method === 'GET' ? 204 : 405).end();
    });
    const get = { ...one, requests: [{ path: '/warm', body: null }] };
    expect(await prober.warm(origin, get, signal)).toBeNull();
  });

  it('has been answered only when the answer has ended', async () => {
    const ending = Promise.withResolvers<void>();
    const origin = await listeners.listenHttp(async (_, response) => {
      response.write('{"choices":');
      await ending.promise;
      response.end('[]}');
    });
    let isWarm = false;
    const warming = prober.warm(origin, one, signal).then((failure) => {
      isWarm = failure === null;
    });
    // Another that is answered whole meanwhile: the first one had its time.
    const quick = await listeners.listenHttp((_, response) => response.end('{}'));
    await prober.warm(quick, one, signal);
    expect(isWarm).toBe(false);
    ending.resolve();
    await warming;
    expect(isWarm).toBe(true);
  });

  it.each([400, 404, 405, 422, 501])(
    'is followed by the next one where it is refused with %i',
    async (status) => {
      const paths: (string | undefined)[] = [];
      const origin = await listeners.listenHttp((request, response) => {
        paths.push(request.url);
        response.writeHead(request.url === '/b' ? 200 : status).end('{}');
      });
      expect(await prober.warm(origin, several, signal)).toBeNull();
      expect(paths).toEqual(['/a', '/b']);
    },
  );

  it('is followed by none where it failed otherwise, which is told', async () => {
    const paths: (string | undefined)[] = [];
    const origin = await listeners.listenHttp((request, response) => {
      paths.push(request.url);
      response.writeHead(500).end('{"error":{"message":"CUDA error"}}');
    });
    expect(await prober.warm(origin, several, signal)).toBe('POST /a: 500 CUDA error');
    expect(paths).toEqual(['/a']);
  });

  it('tells of the last one where all are refused', async () => {
    const origin = await listeners.listenHttp((_, response) => response.writeHead(404).end('not here'));
    expect(await prober.warm(origin, several, signal)).toBe('POST /c: 404 not here');
  });

  it('fails after its limit, also in the middle of an answer', async () => {
    const origin = await listeners.listenHttp((_, response) => response.writeHead(200).write('{'));
    const warming = prober.warm(origin, one, signal);
    await clock.advance(59_999);
    await clock.advance(1);
    expect(await warming).toBe('POST /v1/completions: no answer in 60000 ms');
  });

  it('reads no endless answer', async () => {
    const origin = await listeners.listenHttp((_, response) => {
      const more = () => {
        while (response.write(Buffer.alloc(16_384)));
      };
      response.on('drain', more);
      more();
    });
    expect(await prober.warm(origin, one, signal)).toBeNull();
  });

  it('fails where nobody answers', async () => {
    const silent = await listeners.listen(createTcpServer((socket) => socket.destroy()));
    expect(await prober.warm(silent, one, signal)).toMatch(
      /^POST \/v1\/completions: (ECONNRESET|socket hang up)$/,
    );
    await listeners.end();
    expect(await prober.warm(silent, one, signal)).toBe('POST /v1/completions: ECONNREFUSED');
  });

  it('fails where it cannot be sent', async () => {
    const wrong = { ...one, headers: { authorization: 'a\nb' } };
    expect(await prober.warm('http://127.0.0.1:1', wrong, signal)).toMatch(/invalid character/i);
  });

  it('ends with its signal, and is cut', async () => {
    const controller = new AbortController();
    const cut = Promise.withResolvers<void>();
    const came = Promise.withResolvers<void>();
    const origin = await listeners.listenHttp((request) => {
      request.socket.once('close', () => cut.resolve());
      came.resolve();
    });
    const warming = prober.warm(origin, one, controller.signal);
    await came.promise;
    controller.abort(new Error('not wanted'));
    await expect(warming).rejects.toThrow('not wanted');
    await cut.promise;
  });

  it('ends when the prober is closed', async () => {
    const came = Promise.withResolvers<void>();
    const origin = await listeners.listenHttp(() => came.resolve());
    const warming = prober.warm(origin, one, signal);
    await came.promise;
    await prober.close();
    expect(await warming).toBe('POST /v1/completions: aborted');
  });
});
