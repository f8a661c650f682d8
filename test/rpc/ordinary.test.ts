import { execFile } from 'node:child_process';
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createServer,
  type IncomingHttpHeaders,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { type Answer, answerJson, startBackend } from '../support/backend.ts';
import type { Gateway } from '../support/gateway.ts';
import { fixedModel, processModel, viewOf, waitingAt } from '../support/world.ts';
import { Rig, until } from './rig.ts';

const rig = new Rig();
afterEach(() => rig.close());

async function backendOf(answer: Answer) {
  const backend = await startBackend(answer);
  rig.onClose(() => backend.close());
  return backend;
}

function open(gateway: Gateway): ClientHttp2Session {
  const opened = connect(gateway.url);
  opened.on('error', () => undefined);
  rig.onClose(() => opened.destroy());
  return opened;
}

/** One request with its answer, as far as it came. */
class Asked {
  headers: IncomingHttpHeaders = {};
  body = '';
  readonly stream: ClientHttp2Stream;
  readonly #closed: Promise<void>;

  constructor(opened: ClientHttp2Session, fields: object, body: string | Buffer | null = null) {
    this.stream = opened.request({ ...fields }, { endStream: body === null });
    this.#closed = new Promise((resolve) => this.stream.on('close', () => resolve()));
    this.stream.on('error', () => undefined);
    this.stream.on('response', (headers) => {
      this.headers = headers;
    });
    this.stream.on('data', (chunk: Buffer) => {
      this.body += chunk.toString();
    });
    if (body !== null) this.stream.end(body);
  }

  async whole() {
    await this.#closed;
    return {
      status: this.headers[':status'],
      headers: this.headers,
      body: this.body,
      code: this.stream.rstCode,
    };
  }
}

const chat = (opened: ClientHttp2Session, more: object = {}, fields: object = {}) =>
  new Asked(
    opened,
    { ':method': 'POST', ':path': '/v1/chat/completions', 'content-type': 'application/json', ...fields },
    JSON.stringify({ model: 'm', messages: [], ...more }),
  );

describe('a request over HTTP/2 that is not of gRPC', () => {
  it('waits for a start like any other, and gets the same fields', async () => {
    const opened = open(await rig.gateway(processModel(300)));
    const { status, headers, body } = await chat(opened, {}, { 'x-request-id': 'mine' }).whole();
    expect([status, Object.keys(JSON.parse(body))]).toEqual([200, ['pid']]);
    expect(headers['x-request-id']).toBe('mine');
    expect(Number(headers['x-pilotlight-cold-start'])).toBeGreaterThanOrEqual(300);
    expect(headers).not.toHaveProperty('connection');
  });

  it('reaches the backend as the client of it would over HTTP/1.1', async () => {
    const backend = await backendOf(answerJson);
    const opened = open(await rig.gateway(fixedModel([backend.url])));
    await chat(opened, {}, { cookie: 'a=1; b=2', 'x-own': 'x' }).whole();
    const [seen] = backend.seen;
    expect(seen).toMatchObject({
      method: 'POST',
      url: '/v1/chat/completions',
      body: '{"model":"m","messages":[]}',
    });
    expect(seen!.headers).toMatchObject({
      'x-own': 'x',
      cookie: 'a=1; b=2',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'content-type': 'application/json',
    });
  });

  it('is told that it waits, and streams event by event', async () => {
    const answered = Promise.withResolvers<() => void>();
    const backend = await backendOf((res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
      answered.resolve(() => res.end('data: 2\n\n'));
    });
    const gateway = await rig.gateway(processModel(500, 'heartbeat: { stream: 100ms }') + other(backend.url));
    const opened = open(gateway);
    const waiting = await chat(opened, { stream: true }).whole();
    expect(waiting.body).toMatch(
      /^(: pilotlight position=1 .*\n\n)+: pilotlight queue;.*\n\ndata: \{"n":1\}\n\ndata: \[DONE\]\n\n$/,
    );
    const streaming = chat(opened, { model: 'o', stream: true });
    const finish = await answered.promise;
    await until(() => streaming.body).toBe('data: 1\n\n');
    finish();
    expect((await streaming.whole()).body).toBe('data: 1\n\ndata: 2\n\n');
  });

  it('is visibly cut where its answer breaks off', async () => {
    const backend = await backendOf((res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write('data: 1\n\n', () => setTimeout(() => res.destroy(), 50));
    });
    const opened = open(await rig.gateway(fixedModel([backend.url])));
    const { body, code } = await chat(opened, { stream: true }).whole();
    expect(body).toMatch(/^data: 1\n\ndata: \{"error":.*backend_reset.*\n\n$/);
    expect(code).not.toBe(0);
  });

  it('leaves the queue with its client', async () => {
    const gateway = await rig.gateway(processModel(60_000));
    const leaving = chat(open(gateway));
    await until(() => waitingAt(gateway)).toBe(1);
    leaving.stream.close(8);
    await until(() => waitingAt(gateway)).toBe(0);
    expect((await viewOf(gateway)).inFlight).toBe(0);
  });

  it('gets the errors of its route', async () => {
    const backend = await backendOf(answerJson);
    const gateway = await rig.gateway(fixedModel([backend.url]), '', { maxBodyBytes: 1_000 });
    const opened = open(gateway);
    const unknown = await chat(opened, { model: 'nope' }).whole();
    expect([unknown.status, JSON.parse(unknown.body)]).toMatchObject([
      404,
      { error: { code: 'model_not_found' } },
    ]);
    const method = await new Asked(opened, { ':path': '/v1/chat/completions' }).whole();
    expect([method.status, method.headers.allow]).toEqual([405, 'POST']);
    const large = await chat(opened, { user: 'x'.repeat(2_000_000) }).whole();
    expect([large.status, JSON.parse(large.body)]).toMatchObject([
      413,
      { error: { code: 'body_too_large' } },
    ]);
    const head = await new Asked(opened, { ':path': '/v1/models', ':method': 'HEAD' }).whole();
    expect([head.status, head.body]).toEqual([200, '']);
    expect((await chat(opened).whole()).status).toBe(200);
  });

  it('may have a large body and a large answer, however slowly it is read', async () => {
    const size = 8 * 1024 * 1024;
    const backend = await backendOf((res, _req, body) => {
      res.writeHead(200, { 'x-got': String(body.length) }).end(Buffer.alloc(size, 'a'));
    });
    const models = `${fixedModel([backend.url])}    match: { paths: [/any/] }\n`;
    const opened = open(await rig.gateway(models));
    const asked = new Asked(opened, { ':method': 'POST', ':path': '/any/x' }, Buffer.alloc(size, 'b'));
    asked.stream.pause();
    await once(asked.stream, 'response');
    await new Promise((resolve) => setTimeout(resolve, 100));
    asked.stream.resume();
    const { status, headers, body } = await asked.whole();
    expect([status, headers['x-got'], body.length]).toEqual([200, String(size), size]);
  });

  it('is asked by curl', async () => {
    const backend = await backendOf(answerJson);
    const gateway = await rig.gateway(fixedModel([backend.url]));
    const args = [
      '--http2-prior-knowledge',
      '-s',
      '-w',
      ' %{http_version}',
      `${gateway.url}/v1/chat/completions`,
    ];
    const data = ['-H', 'content-type: application/json', '-d', '{"model":"m","messages":[]}'];
    const { stdout } = await promisify(execFile)('curl', [...args, ...data]);
    expect(stdout).toBe('{"ok":true} 2');
  });
});

describe('a match rule to a backend of HTTP/2', () => {
  it('passes requests that are not of gRPC as well, and bounds them', async () => {
    const server = createServer((req, res) => {
      req.resume();
      req.on('end', () => {
        res.writeHead(200, { 'content-type': 'text/plain' });
        res.end(`${req.method} ${req.url} ${req.headers[':authority']} ${req.headers['x-forwarded-host']}`);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    rig.onClose(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const backend = `backend: { driver: static, http: 2, urls: ["http://127.0.0.1:${port}/base"], ready: { tcp: true } }`;
    const models = `\n  m:\n    match: { paths: [/web/], stripPrefix: true }\n    ${backend}\n`;
    const gateway = await rig.gateway(models, '', { maxBodyBytes: 1_000_000 });
    const opened = open(gateway);
    const { status, body, headers } = await new Asked(opened, { ':path': '/web/a?b=c' }).whole();
    const host = new URL(gateway.url).host;
    expect([status, body]).toEqual([200, `GET /base/a?b=c 127.0.0.1:${port} ${host}`]);
    expect(headers['server-timing']).toMatch(/^queue;dur=/);
    const large = await new Asked(
      opened,
      { ':path': '/web/a', ':method': 'POST' },
      Buffer.alloc(3_000_000),
    ).whole();
    expect(String(large.status) === '413' || large.code !== 0).toBe(true);
    expect((await viewOf(gateway)).inFlight).toBe(0);
  });
});

function other(url: string): string {
  return `\n  o:\n    backend: { driver: static, urls: ["${url}"], ready: { path: /health } }\n`;
}
