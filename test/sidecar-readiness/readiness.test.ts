import type { IncomingMessage, RequestListener } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  Readiness,
  type ReadinessOptions,
  type ReadinessState,
} from '../../src/sidecar/readiness/readiness.ts';
import type { AppProbe } from '../../src/sidecar/settings.ts';
import { testCertificate, testKey } from '../probe/certificate.ts';
import { GrpcHealthServer } from '../probe/grpc-health-server.ts';
import { Listeners } from '../probe/listeners.ts';
import { ManualClock } from '../support/manual-clock.ts';

const user = { host: '127.0.0.1', port: 1 };

function probeAt(origin: string, more: Partial<AppProbe> = {}): AppProbe {
  const { hostname, port, protocol } = new URL(origin);
  return {
    kind: 'http',
    host: hostname,
    port: Number(port),
    path: '/health',
    scheme: protocol === 'https:' ? 'https' : 'http',
    headers: [],
    service: '',
    periodSeconds: 1,
    timeoutSeconds: 1,
    successThreshold: 1,
    failureThreshold: 1,
    ...more,
  };
}

describe('readiness', () => {
  let clock: ManualClock;
  let listeners: Listeners;
  let open: Readiness[];
  let told: [ReadinessState, string][];

  beforeEach(() => {
    clock = new ManualClock();
    listeners = new Listeners();
    open = [];
    told = [];
  });
  afterEach(async () => {
    for (const readiness of open) readiness.close();
    await nextTurn();
    expect(clock.pendingTimers).toBe(0);
    listeners.close();
  });

  function readinessOf(probes: readonly AppProbe[], more: Partial<ReadinessOptions> = {}): Readiness {
    const onState = (state: ReadinessState, detail: string) => told.push([state, detail]);
    const readiness = new Readiness({ probes, user, clock, onState, ...more });
    open.push(readiness);
    return readiness;
  }

  const isReady = (...probes: AppProbe[]) => readinessOf(probes).isReady();

  /** Lets time pass, in steps, until it is settled; how much passed. */
  async function passUntil(settled: Promise<unknown>, stepMs: number): Promise<number> {
    const startMs = clock.nowMs();
    let isOver = false;
    const over = settled.then(() => {
      isOver = true;
    });
    while (!isOver) {
      for (let turns = 0; turns < 200 && !isOver; turns++) await nextTurn();
      if (!isOver) await clock.advance(stepMs);
    }
    await over;
    return clock.nowMs() - startMs;
  }

  /** An app whose answers are told; the requests that came. */
  async function app(listener: RequestListener): Promise<{ origin: string; requests: IncomingMessage[] }> {
    const requests: IncomingMessage[] = [];
    const origin = await listeners.listenHttp((request, response) => {
      requests.push(request);
      listener(request, response);
    });
    return { origin, requests };
  }

  async function closedOrigin(): Promise<string> {
    const origin = await listeners.listen(createTcpServer());
    await listeners.end();
    return origin;
  }

  it('is given without a probe', async () => {
    expect(await isReady()).toBe(true);
  });

  describe('by HTTP', () => {
    it.each([
      [200, true],
      [204, true],
      [304, true],
      [399, true],
      [400, false],
      [404, false],
      [500, false],
      [503, false],
    ])('takes %i for %s', async (status, expected) => {
      const { origin } = await app((_, response) => response.writeHead(status).end());
      expect(await isReady(probeAt(origin))).toBe(expected);
      expect(told).toEqual([[expected ? 'ready' : 'unready', `GET /health: ${status}`]]);
    });

    it("asks as the original does, with the probe's headers, on a connection of its own", async () => {
      const { origin, requests } = await app((_, response) => response.end());
      const headers = [
        { name: 'X-Key', value: 'k' },
        { name: 'Host', value: 'app.example' },
      ];
      expect(await isReady(probeAt(origin, { path: '/up here?a=1', headers }))).toBe(true);
      expect(requests[0]).toMatchObject({ method: 'GET', url: '/up%20here?a=1' });
      expect(requests[0]?.headers).toEqual({
        'user-agent': 'kube-probe//',
        'x-key': 'k',
        host: 'app.example',
        connection: 'close',
      });
    });

    it('lets the probe name its own agent', async () => {
      const { origin, requests } = await app((_, response) => response.end());
      await isReady(probeAt(origin, { headers: [{ name: 'user-agent', value: 'me' }] }));
      expect(requests[0]?.headersDistinct['user-agent']).toEqual(['me']);
    });

    it('does not pass where a header cannot be sent', async () => {
      const { origin, requests } = await app((_, response) => response.end());
      expect(await isReady(probeAt(origin, { headers: [{ name: 'x', value: 'a\r\nb: c' }] }))).toBe(false);
      expect(requests).toEqual([]);
    });

    it('does not wait for a body', async () => {
      const { origin } = await app((_, response) => response.write('and so on'));
      expect(await isReady(probeAt(origin))).toBe(true);
    });

    it('follows redirects to the answer that counts, and keeps its headers at home', async () => {
      const other = await app((_, response) => response.writeHead(500).end());
      const { origin, requests } = await app((request, response) => {
        if (request.url === '/health') response.writeHead(302, { location: 'there?x=1' }).end();
        else if (request.url === '/there?x=1') response.writeHead(200).end();
        else response.writeHead(307, { location: other.origin.replace('127.0.0.1', 'localhost') }).end();
      });
      const headers = [{ name: 'x-key', value: 'k' }];
      expect(await isReady(probeAt(origin, { headers }))).toBe(true);
      expect(requests.map((request) => request.headers['x-key'])).toEqual(['k', 'k']);
      expect(await isReady(probeAt(origin, { headers, path: '/away' }))).toBe(false);
      expect(other.requests[0]?.headers).toMatchObject({ 'user-agent': 'kube-probe//' });
      expect(other.requests[0]?.headers['x-key']).toBeUndefined();
    });

    it('passes on a redirect that leads nowhere, and fails on one that never ends', async () => {
      const { origin } = await app((_, response) => response.writeHead(302).end());
      expect(await isReady(probeAt(origin))).toBe(true);
      const round = await app((_, response) => response.writeHead(302, { location: '/health' }).end());
      expect(await isReady(probeAt(round.origin))).toBe(false);
      expect(round.requests.length).toBe(11);
    });

    it('does not look at certificates', async () => {
      const server = createHttpsServer({ cert: testCertificate, key: testKey }, (_, response) =>
        response.end(),
      );
      const origin = await listeners.listen(server);
      expect(await isReady(probeAt(origin.replace('http:', 'https:')))).toBe(true);
    });

    it('is over after timeoutSeconds', async () => {
      const { origin, requests } = await app(() => undefined);
      const result = isReady(probeAt(origin, { timeoutSeconds: 3 }));
      await expect.poll(() => requests.length).toBe(1);
      await clock.advance(2_999);
      expect(told).toEqual([]);
      await clock.advance(1);
      expect(await result).toBe(false);
      expect(told).toEqual([['unready', 'GET /health: no answer in time']]);
    });

    it.each([
      ['no HTTP', 'SSH-2.0-OpenSSH\r\n'],
      ['cut off', 'HTTP/1.1 200 OK\r\n'],
      ['silent', ''],
    ])('does not take for an answer what is %s', async (_, bytes) => {
      const origin = await listeners.listen(createTcpServer((socket) => socket.end(bytes)));
      expect(await isReady(probeAt(origin))).toBe(false);
    });

    it('passes over informational answers', async () => {
      const answer = 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n';
      const origin = await listeners.listen(createTcpServer((socket) => socket.end(answer)));
      expect(await isReady(probeAt(origin))).toBe(true);
    });
  });

  describe('by either version of HTTP', () => {
    const either = (origin: string, more: Partial<AppProbe> = {}) =>
      readinessOf([probeAt(origin, more)], { detectsHttp2: true });

    it('passes at an app of HTTP/2, which is then asked so first', async () => {
      const agents: unknown[] = [];
      const server = createHttp2Server((request, response) => {
        agents.push(request.headers['user-agent'], request.headers['x-key']);
        response.end();
      });
      let connections = 0;
      server.on('connection', () => connections++);
      const readiness = either(await listeners.listen(server), { headers: [{ name: 'X-Key', value: 'k' }] });
      expect(await readiness.isReady()).toBe(true);
      expect(await readiness.isReady()).toBe(true);
      expect(agents).toEqual(['kube-probe//', 'k', 'kube-probe//', 'k']);
      expect(connections).toBe(3);
    });

    it('passes at an app of HTTP/1.1', async () => {
      const { origin } = await app((_, response) => response.end());
      expect(await either(origin).isReady()).toBe(true);
    });

    it('fails where neither passes', async () => {
      const { origin } = await app((_, response) => response.writeHead(500).end());
      expect(await either(origin).isReady()).toBe(false);
      expect(told).toEqual([['unready', 'GET /health: 500']]);
    });
  });

  describe('by TCP', () => {
    it('is an open port', async () => {
      const origin = await listeners.listen(createTcpServer());
      expect(await isReady(probeAt(origin, { kind: 'tcp' }))).toBe(true);
    });

    it('is not a closed one', async () => {
      expect(await isReady(probeAt(await closedOrigin(), { kind: 'tcp' }))).toBe(false);
    });
  });

  describe('by gRPC', () => {
    let server: GrpcHealthServer;
    beforeEach(() => {
      server = new GrpcHealthServer();
    });
    afterEach(() => server.close());

    it.each([
      [1, true],
      [2, false],
      [0, false],
    ])('takes the status %i for %s', async (status, expected) => {
      server.statusByService.set('llm.Chat', status);
      const probe = probeAt(await server.start(), { kind: 'grpc', service: 'llm.Chat' });
      expect(await isReady(probe)).toBe(expected);
      expect(server.calls[0]).toMatchObject({ service: 'llm.Chat' });
      expect(String(server.calls[0]?.['user-agent'])).toContain('kube-probe//');
    });
  });

  describe('of several probes', () => {
    it('needs all of them', async () => {
      const up = await app((_, response) => response.end());
      const down = await app((_, response) => response.writeHead(500).end());
      expect(await isReady(probeAt(up.origin), probeAt(up.origin))).toBe(true);
      expect(await isReady(probeAt(up.origin), probeAt(down.origin))).toBe(false);
      expect(told.at(-1)).toEqual(['unready', 'GET /health: 500']);
    });
  });

  describe('with periodSeconds 0', () => {
    const aggressive = { periodSeconds: 0, timeoutSeconds: 0 };

    it('polls every 50 ms until the app is there', async () => {
      let asked = 0;
      const { origin } = await app((_, response) => response.writeHead(++asked < 4 ? 500 : 200).end());
      const result = isReady(probeAt(origin, aggressive));
      expect(await passUntil(result, 10)).toBe(150);
      expect(await result).toBe(true);
      expect(asked).toBe(4);
    });

    it('gives up after 10 s', async () => {
      const { origin, requests } = await app((_, response) => response.writeHead(500).end());
      const result = isReady(probeAt(origin, aggressive));
      expect(await passUntil(result, 50)).toBeGreaterThanOrEqual(9_900);
      expect(await result).toBe(false);
      expect(requests.length).toBe(200);
      expect(told).toEqual([['unready', 'GET /health: 500 (200 tries)']]);
    });

    it('gives each try 100 ms', async () => {
      const { origin, requests } = await app((_, response) => {
        if (requests.length > 1) response.end();
      });
      const result = isReady(probeAt(origin, aggressive));
      expect(await passUntil(result, 10)).toBe(100);
      expect(await result).toBe(true);
    });

    it('needs successThreshold successes in a row, which are kept from one question to the next', async () => {
      const statuses = [200, 500, 200, 200, 200, 500, 200, 200];
      let asked = 0;
      const { origin } = await app((_, response) => response.writeHead(statuses[asked++] ?? 500).end());
      const readiness = readinessOf([probeAt(origin, { ...aggressive, successThreshold: 2 })]);
      await passUntil(readiness.isReady(), 10);
      expect(asked).toBe(4);
      await passUntil(readiness.isReady(), 10);
      expect(asked).toBe(5);
      await passUntil(readiness.isReady(), 10);
      expect(asked).toBe(8);
    });
  });

  it('is found out once for all who ask at the same time', async () => {
    const { origin, requests } = await app((_, response) => response.end());
    const readiness = readinessOf([probeAt(origin)]);
    expect(await Promise.all([readiness.isReady(), readiness.isReady(), readiness.isReady()])).toEqual([
      true,
      true,
      true,
    ]);
    expect(requests.length).toBe(1);
    await readiness.isReady();
    expect(requests.length).toBe(2);
  });

  it('is told when it changes, and only then', async () => {
    let status = 500;
    const { origin } = await app((_, response) => response.writeHead(status).end());
    const readiness = readinessOf([probeAt(origin)]);
    for (const next of [500, 200, 200, 500]) {
      status = next;
      await readiness.isReady();
    }
    expect(told.map(([state]) => state)).toEqual(['unready', 'ready', 'unready']);
    expect(readiness.state).toBe('unready');
  });

  it('ends what is under way when it is closed', async () => {
    const { origin, requests } = await app(() => undefined);
    const readiness = readinessOf([probeAt(origin, { periodSeconds: 0 }), probeAt(origin)]);
    const result = readiness.isReady();
    await expect.poll(() => requests.length).toBe(2);
    readiness.close();
    expect(await result).toBe(false);
    expect(await readiness.isReady()).toBe(false);
  });

  it('is known without asking while the app sleeps, or fails to wake up', async () => {
    const { origin, requests } = await app((_, response) => response.writeHead(204).end());
    let standing: 'awake' | 'asleep' | 'failing' = 'asleep';
    const readiness = readinessOf([probeAt(origin)], { standing: () => standing });
    expect(await readiness.isReady()).toBe(true);
    standing = 'failing';
    expect(await readiness.isReady()).toBe(false);
    expect(requests.length).toBe(0);
    standing = 'awake';
    expect(await readiness.isReady()).toBe(true);
    expect(told).toEqual([
      ['ready', 'it sleeps'],
      ['unready', 'it does not wake up'],
      ['ready', 'GET /health: 204'],
    ]);
  });

  it('is that of an app that fell asleep while it was asked', async () => {
    let answer: () => void = () => undefined;
    const { origin, requests } = await app((_, response) => {
      answer = () => void response.writeHead(503).end();
    });
    let standing: 'awake' | 'asleep' = 'awake';
    const result = readinessOf([probeAt(origin)], { standing: () => standing }).isReady();
    await expect.poll(() => requests.length).toBe(1);
    standing = 'asleep';
    answer();
    expect(await result).toBe(true);
  });

  describe('of an app that may be loading', () => {
    const loading = { text: 'Loading modèl', path: '/loads' };
    const says = (status: number, body: string) => app((_, response) => response.writeHead(status).end(body));

    it.each([
      ['with a length', 'content-length: 14\r\n\r\nLoading modèl'],
      ['in chunks', 'transfer-encoding: chunked\r\n\r\n5;x=y\r\nLoadi\r\n9\r\nng modèl\r\n0\r\n\r\n'],
      ['to the end of the connection', '\r\nLoading modèl'],
    ])('hears it from a 503 of its probe, %s', async (_, framed) => {
      const answer = `HTTP/1.1 503 Service Unavailable\r\n${framed}`;
      const origin = await listeners.listen(createTcpServer((socket) => socket.end(answer)));
      expect(await readinessOf([probeAt(origin)], { loading }).isReady()).toBe(false);
      expect(told).toEqual([['loading', 'GET /health: 503 Loading modèl']]);
    });

    it('takes no other answer for it', async () => {
      const page = await says(200, 'Loading modèl is what we do');
      expect(await readinessOf([probeAt(page.origin)], { loading }).isReady()).toBe(true);
      const error = await says(500, 'Loading modèl');
      expect(await readinessOf([probeAt(error.origin)], { loading }).isReady()).toBe(false);
      expect(told.map(([state]) => state)).toEqual(['ready', 'unready']);
    });

    it('looks for nothing unless it is told what', async () => {
      const { origin } = await says(503, 'Loading modèl');
      await isReady(probeAt(origin));
      expect(told).toEqual([['unready', 'GET /health: 503']]);
    });

    it.each([
      [503, '{"error":"Loading modèl"}', false],
      [503, 'busy', true],
      [404, '', true],
      [200, 'ok', true],
    ])('is asked as well where its probe is none of HTTP: %i %s', async (status, body, expected) => {
      const { origin, requests } = await says(status, body);
      const port = Number(new URL(origin).port);
      const probe = probeAt(origin, { kind: 'tcp' });
      const readiness = readinessOf([probe], { loading, user: { host: '127.0.0.1', port } });
      expect(await readiness.isReady()).toBe(expected);
      expect(requests[0]?.url).toBe('/loads');
      expect(told.map(([state]) => state)).toEqual([expected ? 'ready' : 'loading']);
    });

    it('is not asked before its probe has passed', async () => {
      const { origin, requests } = await says(200, '');
      const port = Number(new URL(origin).port);
      const probe = probeAt(origin, { kind: 'tcp', port: 1 });
      const readiness = readinessOf([probe], { loading, user: { host: '127.0.0.1', port } });
      expect(await readiness.isReady()).toBe(false);
      expect(requests).toEqual([]);
    });

    it('is not ready for a while after a request was answered so, whatever its probe says', async () => {
      const { origin } = await says(200, '');
      const readiness = readinessOf([probeAt(origin)], { loading });
      expect(await readiness.isReady()).toBe(true);
      readiness.noteLoading();
      expect(await readiness.isReady()).toBe(false);
      await clock.advance(4_999);
      readiness.noteLoading();
      await clock.advance(4_999);
      expect(await readiness.isReady()).toBe(false);
      await clock.advance(1);
      expect(await readiness.isReady()).toBe(true);
      expect(told.map(([state]) => state)).toEqual(['ready', 'loading', 'ready']);
    });

    it('is ready again at once when a request was served', async () => {
      const { origin } = await says(200, '');
      const readiness = readinessOf([probeAt(origin)], { loading });
      readiness.noteLoading();
      readiness.noteServed();
      expect(await readiness.isReady()).toBe(true);
    });

    it('counts a request that was answered so while a probe was under way', async () => {
      let answer: () => void = () => undefined;
      const { origin, requests } = await app((_, response) => {
        answer = () => void response.end();
      });
      const readiness = readinessOf([probeAt(origin)], { loading });
      const result = readiness.isReady();
      await expect.poll(() => requests.length).toBe(1);
      readiness.noteLoading();
      answer();
      expect(await result).toBe(false);
    });
  });
});
