import { afterEach, describe, expect, it } from 'vitest';
import { sha256Of } from '../../src/config/normalise.ts';
import type { SurfaceRoute } from '../../src/core/surface.ts';
import { PlayedDesk } from '../support/played-desk.ts';
import { events, failing, json, mirror, playedSurface, route } from '../support/played-surface.ts';
import { type ServedSurface, type ServedSurfaceOptions, serveSurface } from '../support/served-surface.ts';

const opened: ServedSurface[] = [];

async function serve(
  routes: readonly SurfaceRoute[],
  options: ServedSurfaceOptions = {},
): Promise<ServedSurface> {
  const served = await serveSurface(playedSurface(routes), new PlayedDesk([{ name: 'm' }]), options);
  opened.push(served);
  return served;
}

afterEach(async () => {
  for (const served of opened.splice(0)) await served.close();
});

const app = { name: 'app', sha256: sha256Of('key-1'), priority: 'normal' } as const;

describe('a request to a surface', () => {
  it('is handed over with its parts read and its base URL', async () => {
    const { url } = await serve([route('POST', '/v1/models/:name::predict', mirror)], { prefix: '/kserve' });
    const response = await fetch(`${url}/v1/models/a%2Fb:predict?x=1&y=%20`, {
      method: 'POST',
      headers: [
        ['x-twice', 'a'],
        ['X-Twice', 'b'],
      ],
      body: 'some bytes',
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('x-request-id')).toMatch(/^[\w-]{36}$/);
    expect(response.headers.get('server-timing')).toMatch(
      /^queue;dur=0\.0, cold;dur=0\.0, backend;dur=0\.0, proxy/,
    );
    expect(await response.json()).toMatchObject({
      method: 'POST',
      path: '/v1/models/a%2Fb:predict',
      params: { name: 'a/b' },
      query: 'x=1&y=+',
      headers: { 'x-twice': 'a, b' },
      body: 'some bytes',
      baseUrl: url,
      caller: { tenant: '', highestClass: 0 },
    });
  });

  it('has a base URL as a proxy before the gateway was asked for it', async () => {
    const { url } = await serve([route('GET', '/x', mirror)]);
    const baseUrl = async (headers: Record<string, string>) =>
      ((await (await fetch(`${url}/x`, { headers })).json()) as { baseUrl: string }).baseUrl;
    expect(await baseUrl({ 'x-forwarded-proto': 'https', 'x-forwarded-host': 'api.example.com' })).toBe(
      'https://api.example.com',
    );
    expect(await baseUrl({ 'x-forwarded-host': 'a/b' })).toBe(url);
  });

  it('is refused in the dialect of the surface, with its status and fields', async () => {
    const { url } = await serve([
      route('GET', '/x', failing('bad_request')),
      route('GET', '/y', failing('queue_full')),
    ]);
    const teapot = await fetch(`${url}/x`);
    expect([teapot.status, teapot.headers.get('x-oops'), await teapot.json()]).toEqual([
      418,
      'bad_request',
      { oops: 'bad_request' },
    ]);
    const full = await fetch(`${url}/y`);
    expect([full.status, full.headers.get('retry-after')]).toEqual([429, '1']);
  });

  it('is told the methods of a path, and that there is none', async () => {
    const { url } = await serve([route('GET PUT', '/x', mirror)], { prefix: '/p' });
    const other = await fetch(`${url}/x`, { method: 'POST' });
    expect([other.status, other.headers.get('allow'), await other.json()]).toEqual([
      405,
      'GET, PUT',
      { oops: 'method_not_allowed' },
    ]);
    const none = await fetch(`${url}/none`);
    expect([none.status, await none.json()]).toEqual([404, { oops: 'route_not_found' }]);
  });

  it('is refused where its path cannot be decoded', async () => {
    const { url } = await serve([route('GET', '/x/:id', mirror)]);
    expect(await (await fetch(`${url}/x/%ff`)).json()).toEqual({ oops: 'bad_request' });
  });

  it('that a handler fails on is an internal error, and the operator is told', async () => {
    const served = await serve([
      route('GET', '/x', async () => {
        throw new TypeError('a bug');
      }),
    ]);
    const response = await fetch(`${served.url}/x`);
    expect([response.status, await response.json()]).toEqual([500, { oops: 'internal' }]);
    expect(served.faults.map(({ cause }) => cause)).toEqual([new TypeError('a bug')]);
  });
});

describe('keys of surfaces', () => {
  it.each([
    ['Bearer', { authorization: 'Bearer key-1' }],
    ["Replicate's Token", { authorization: 'Token key-1' }],
    ['the key alone', { authorization: 'key-1' }],
    ['x-api-key', { 'x-api-key': 'key-1' }],
    ['api-key', { 'api-key': 'key-1' }],
    ['x-goog-api-key', { 'x-goog-api-key': 'key-1' }],
    ["Modal's pair", { 'modal-key': 'any', 'modal-secret': 'key-1' }],
    [
      'the id of an AWS signature',
      {
        authorization:
          'AWS4-HMAC-SHA256 Credential=key-1/20260101/eu-west-1/sagemaker/aws4_request, SignedHeaders=host, Signature=ab',
      },
    ],
  ])('let in by %s, which stays here', async (_name, headers: Record<string, string>) => {
    const { url, noted } = await serve([route('GET', '/x', mirror)], { keys: [app] });
    const response = await fetch(`${url}/x`, { headers });
    const seen = (await response.json()) as { headers: object; caller: object };
    expect(seen.caller).toEqual({ tenant: 'app', highestClass: 1 });
    expect(JSON.stringify(seen.headers)).not.toContain('key-1');
    expect(noted).toMatchObject([{ key: 'app', surface: 'replicate', outcome: 'answered' }]);
  });

  it.each([
    ['none', {}],
    ['a wrong one', { authorization: 'Bearer wrong' }],
    ["Modal's secret alone", { 'modal-secret': 'key-1' }],
    [
      'another AWS id',
      { authorization: 'AWS4-HMAC-SHA256 Credential=other/2026/x/y/aws4_request, Signature=key-1' },
    ],
  ])('refuse %s, whatever the path', async (_name, headers: Record<string, string>) => {
    const { url } = await serve([route('GET', '/x', mirror)], { keys: [app], prefix: '/p' });
    for (const path of ['/x', '/none']) {
      const response = await fetch(`${url}${path}`, { headers });
      expect([response.status, await response.json()]).toEqual([401, { oops: 'invalid_api_key' }]);
    }
  });

  it('are not asked for on an open route, whose path is not for the log', async () => {
    const { url, noted } = await serve([route('GET', '/stream/:secret', mirror, { isOpen: true })], {
      keys: [app],
    });
    const response = await fetch(`${url}/stream/s3cret`);
    expect(await response.json()).toMatchObject({ params: { secret: 's3cret' }, caller: { tenant: '' } });
    expect(noted).toMatchObject([{ path: '/stream/:secret', key: null }]);
  });
});

describe('a body for a surface', () => {
  it('is refused over server.maxBody, or over the limit of its route, before it is read', async () => {
    const routes = [route('POST', '/x', mirror), route('POST', '/big', mirror, { maxBodyBytes: 100 })];
    const { url, held } = await serve(routes, { maxBodyBytes: 10 });
    const send = async (path: string, bytes: number) =>
      (await fetch(url + path, { method: 'POST', body: 'x'.repeat(bytes) })).status;
    expect([
      await send('/x', 10),
      await send('/x', 11),
      await send('/big', 100),
      await send('/big', 101),
    ]).toEqual([200, 413, 200, 413]);
    expect(held.memoryBytes).toBe(0);
  });

  it('of unknown length is refused as soon as it is too large', async () => {
    const { url } = await serve([route('POST', '/x', mirror)], { maxBodyBytes: 10 });
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new Uint8Array(11));
        controller.close();
      },
    });
    const response = await fetch(`${url}/x`, { method: 'POST', body, duplex: 'half' } as RequestInit);
    expect([response.status, await response.json()]).toEqual([413, { oops: 'body_too_large' }]);
  });

  it('counts as held until its answer has ended', async () => {
    const answer = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    const handle: SurfaceRoute['handle'] = async () => {
      reached.resolve();
      await answer.promise;
      return json({});
    };
    const { url, held } = await serve([route('POST', '/x', handle)], { heldMemoryBytes: 100 });
    const send = (bytes: number) => fetch(`${url}/x`, { method: 'POST', body: 'x'.repeat(bytes) });
    const first = send(60);
    await reached.promise;
    expect(held.memoryBytes).toBe(60);
    const second = await send(60);
    expect([second.status, await second.json()]).toEqual([429, { oops: 'memory_full' }]);
    answer.resolve();
    expect((await first).status).toBe(200);
    await expect.poll(() => held.memoryBytes).toBe(0);
  });

  it('that is uploaded comes piece by piece and is not held', async () => {
    let most = 0;
    const handle: SurfaceRoute['handle'] = async (_request, _desk, upload) => {
      let bytes = 0;
      for await (const chunk of upload!) {
        bytes += chunk.length;
        most = Math.max(most, served.held.memoryBytes);
      }
      return json({ bytes });
    };
    const served = await serve([route('POST', '/up', handle, { upload: true, maxBodyBytes: 3_000_000 })]);
    const send = (bytes: number) => fetch(`${served.url}/up`, { method: 'POST', body: Buffer.alloc(bytes) });
    expect(await (await send(2_000_000)).json()).toEqual({ bytes: 2_000_000 });
    expect(most).toBe(0);
    expect((await send(3_000_001)).status).toBe(413);
  });
});

describe('a stream of a surface', () => {
  it('ends with the error of its dialect and a cut, where it fails between events', async () => {
    async function* body() {
      yield 'data: 1\n\n';
      await failing('backend_reset')(undefined as never, undefined as never, null);
    }
    const { url, noted } = await serve([route('GET', '/x', async () => events(body()))]);
    const response = await fetch(`${url}/x`);
    let text = '';
    const read = async () => {
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) text += chunk;
    };
    await expect(read()).rejects.toThrow('terminated');
    expect(text).toBe('data: 1\n\nevent: oops\ndata: backend_reset\n\n');
    await expect.poll(() => noted).toMatchObject([{ outcome: 'backend_reset', status: 200 }]);
  });

  it('is produced no faster than its client takes it', async () => {
    let produced = 0;
    async function* body() {
      const chunk = 'x'.repeat(64 * 1024);
      for (; produced < 2_000; produced++) yield chunk;
    }
    const { url } = await serve([route('GET', '/x', async () => events(body()))]);
    const response = await fetch(`${url}/x`);
    const reader = response.body!.getReader();
    await reader.read();
    let before = -1;
    await expect
      .poll(
        () => {
          const isStill = produced === before;
          before = produced;
          return isStill;
        },
        { interval: 100 },
      )
      .toBe(true);
    expect(produced).toBeLessThan(500);
    await reader.cancel();
  });

  it('whose client leaves is aborted and its source closed', async () => {
    const closed = Promise.withResolvers<void>();
    let signal: AbortSignal | null = null;
    const handle: SurfaceRoute['handle'] = async ({ caller }) => {
      signal = caller.signal;
      return events(
        (async function* () {
          try {
            yield 'data: 1\n\n';
            await new Promise<void>((resolve) => caller.signal.addEventListener('abort', () => resolve()));
          } finally {
            closed.resolve();
          }
        })(),
      );
    };
    const { url, noted, door } = await serve([route('GET', '/x', handle)]);
    const leave = new AbortController();
    const response = await fetch(`${url}/x`, { signal: leave.signal });
    await response.body!.getReader().read();
    expect(door.size).toBe(1);
    leave.abort();
    await closed.promise;
    expect(signal!.aborted).toBe(true);
    expect(noted).toMatchObject([{ outcome: 'gone' }]);
    expect(door.size).toBe(0);
  });
});

describe('a drain', () => {
  const waiting: SurfaceRoute['handle'] = ({ caller }) =>
    new Promise((_resolve, reject) =>
      caller.signal.addEventListener('abort', () => reject(caller.signal.reason)),
    );

  it('waits for what is under way, refuses what is new, and then ends the rest with an error', async () => {
    const { url, door, pipeline } = await serve([route('GET', '/wait', waiting), route('GET', '/x', mirror)]);
    const held = fetch(`${url}/wait`);
    await expect.poll(() => door.size).toBe(1);
    await pipeline.drain(1);
    const drained = door.drain(200);
    expect(await (await fetch(`${url}/x`)).json()).toEqual({ oops: 'draining' });
    expect(await drained).toBe(1);
    const response = await held;
    expect([response.status, await response.json()]).toEqual([503, { oops: 'draining' }]);
  });

  it.each([
    [
      'with an event of its dialect between two events',
      'data: 1\n\n',
      'data: 1\n\nevent: oops\ndata: draining\n\n',
    ],
    ['with nothing within one', 'data: 1', 'data: 1'],
  ])('cuts a stream %s', async (_name, written, received) => {
    const handle: SurfaceRoute['handle'] = async ({ caller }) =>
      events(
        (async function* () {
          yield written;
          await new Promise((resolve) => caller.signal.addEventListener('abort', resolve));
        })(),
      );
    const { url, door } = await serve([route('GET', '/x', handle)]);
    const response = await fetch(`${url}/x`);
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = (await reader.read()).value!;
    expect(await door.drain(1)).toBe(1);
    const rest = async () => {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        text += value;
      }
    };
    await expect(rest()).rejects.toThrow('terminated');
    expect(text).toBe(received);
  });

  it('is over at once where nothing is under way', async () => {
    const { door } = await serve([]);
    expect(await door.drain(0)).toBe(0);
  });
});
