import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { RawClient } from '../http/raw.ts';
import { testCertificate, testKey } from '../probe/certificate.ts';
import { answerJson, startBackend } from '../support/backend.ts';
import { chat, type Gateway } from '../support/gateway.ts';
import { ask, grpcModel, Rig, until } from './rig.ts';

const rig = new Rig();
afterEach(() => rig.close());

const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
/** An empty frame of settings. */
const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);

function session(gateway: Gateway, options: object = {}): ClientHttp2Session {
  const opened = connect(gateway.url, options);
  opened.on('error', () => undefined);
  rig.onClose(() => opened.destroy());
  return opened;
}

async function get(opened: ClientHttp2Session, path: string, fields: object = {}) {
  const stream = opened.request({ ':path': path, ...fields });
  stream.on('error', () => undefined);
  let headers: IncomingHttpHeaders = {};
  let body = '';
  stream.on('response', (got) => {
    headers = got;
  });
  stream.on('data', (chunk: Buffer) => {
    body += chunk.toString();
  });
  stream.end();
  await once(stream, 'close');
  return { status: headers[':status'], headers, body, code: stream.rstCode };
}

async function raw(gateway: Gateway): Promise<RawClient> {
  const { hostname, port } = new URL(gateway.url);
  const socket = connectTcp({ host: hostname, port: Number(port) });
  await once(socket, 'connect');
  rig.onClose(() => void socket.destroy());
  return new RawClient(socket);
}

async function gatewayWithOld(server: object = {}): Promise<Gateway> {
  const backend = await startBackend(answerJson);
  rig.onClose(() => backend.close());
  const old = `  old:\n    match: { paths: [/old/] }\n    backend: { driver: static, urls: ["${backend.url}"], ready: { tcp: true } }\n`;
  return rig.gateway(grpcModel() + old, '', server);
}

describe('one port', () => {
  it('takes HTTP/1.1 and HTTP/2 side by side', async () => {
    const gateway = await gatewayWithOld();
    const stub = rig.stub(gateway);
    const [live, response] = await Promise.all([
      ask(stub.ServerLive.bind(stub), {}),
      fetch(`${gateway.url}/v1/chat/completions`, chat('old')),
    ]);
    expect([live.answer, response.status]).toEqual([{ live: true }, 200]);
  });

  it('takes a preface however it is cut, and a connection of HTTP/2 stays beyond the time for a head', async () => {
    const gateway = await gatewayWithOld({ limits: { ...limits, headerTimeoutMs: 200 } });
    const client = await raw(gateway);
    for (const part of [preface.slice(0, 3), preface.slice(3, 20), preface.slice(20)]) {
      client.socket.write(part);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    client.socket.write(settings);
    const [first] = (await once(client.socket, 'data')) as [Buffer];
    expect(first[3]).toBe(4);
    const opened = session(gateway);
    await get(opened, '/nothing');
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect((await get(opened, '/nothing')).status).toBe(404);
    expect(client.socket.destroyed).toBe(false);
  });

  it.each([
    [
      'behind a request of HTTP/1.1',
      `GET /v1/models HTTP/1.1\r\nhost: gateway\r\n\r\n${preface}`,
      ['200', '400'],
    ],
    ['behind an empty line', `\r\n${preface}`, ['400']],
    ['that is none to its end', 'PRI * HTTP/2.0\r\n\r\nSMUGGLED\r\n\r\n', ['400']],
    ['with another target', 'PRI /old/x HTTP/1.1\r\nhost: gateway\r\n\r\n', ['400']],
  ])('refuses a preface %s', async (_what, text, statuses) => {
    const gateway = await gatewayWithOld();
    const received = await (await raw(gateway)).write(text).closed();
    expect([...received.matchAll(/HTTP\/1\.1 (\d+)/g)].map((found) => found[1])).toEqual(statuses);
  });

  it('is closed with its connections of HTTP/2, idle or half begun', async () => {
    const gateway = await gatewayWithOld();
    const opened = session(gateway);
    await get(opened, '/nothing');
    const client = await raw(gateway);
    client.socket.write(preface);
    await once(client.socket, 'data');
    const startedAtMs = performance.now();
    await gateway.close();
    expect(performance.now() - startedAtMs).toBeLessThan(5_000);
    await until(() => opened.destroyed).toBe(true);
  });
});

const limits = {
  headerBytes: 16_384,
  headerCount: 100,
  headerTimeoutMs: 15_000,
  bodyTimeoutMs: 300_000,
  connections: 0,
  streams: 1000,
  keepAliveMs: 72_000,
};

describe('the limits of the request port', () => {
  it('bound the head of a request of HTTP/2', async () => {
    const gateway = await gatewayWithOld({ limits: { ...limits, headerBytes: 2_000, headerCount: 12 } });
    const opened = session(gateway);
    const large = await get(opened, '/nothing', { 'x-large': 'x'.repeat(2_000) });
    expect([large.status, large.body]).toEqual([431, expect.stringContaining('headers_too_large')]);
    const many = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`x-${index}`, '1']));
    expect((await get(opened, '/nothing', many)).status).toBe(431);
    expect((await get(opened, '/nothing')).status).toBe(404);
  });

  it('bound the requests at once of a connection', async () => {
    const gateway = await gatewayWithOld({ limits: { ...limits, streams: 7 } });
    const opened = session(gateway);
    await get(opened, '/nothing');
    expect(opened.remoteSettings.maxConcurrentStreams).toBe(7);
  });

  it('bound the connections of both versions together', async () => {
    const gateway = await gatewayWithOld({ limits: { ...limits, connections: 1 } });
    const opened = session(gateway);
    expect((await get(opened, '/nothing')).status).toBe(404);
    const second = await raw(gateway);
    expect(await second.write('GET /v1/models HTTP/1.1\r\nhost: gateway\r\n\r\n').closed()).toBe('');
    opened.close();
    await once(opened, 'close');
    await until(() =>
      fetch(`${gateway.url}/v1/models`).then(
        ({ status }) => status,
        () => null,
      ),
    ).toBe(200);
  });

  it.each([
    ['no path', { ':path': '*', ':method': 'OPTIONS' }, 400],
    ['a backslash in its target', { ':path': '/a\\b' }, 400],
    ['an authority that is no host', { ':authority': 'a,b' }, 400],
  ])('refuse %s', async (_what, fields, status) => {
    const opened = session(await gatewayWithOld());
    expect((await get(opened, '/x', fields)).status).toBe(status);
  });
});

describe('over TLS', () => {
  async function start(): Promise<Gateway> {
    const dir = await mkdtemp(join(tmpdir(), 'pilotlight-rpc-'));
    rig.onClose(() => rm(dir, { recursive: true }));
    const files = { certFile: join(dir, 'tls.crt'), keyFile: join(dir, 'tls.key') };
    await writeFile(files.certFile, testCertificate);
    await writeFile(files.keyFile, testKey);
    return gatewayWithOld({ tls: files });
  }

  it.each([
    [['h2'], 'h2'],
    [['h2', 'http/1.1'], 'http/1.1'],
    [['http/1.1'], 'http/1.1'],
  ])('a client that offers %j gets %s', async (ALPNProtocols, chosen) => {
    const { port } = new URL((await start()).url);
    const socket = connectTls({
      host: '127.0.0.1',
      port: Number(port),
      ca: [testCertificate],
      ALPNProtocols,
    });
    rig.onClose(() => void socket.destroy());
    await once(socket, 'secureConnect');
    expect(socket.alpnProtocol).toBe(chosen);
  });

  it('HTTP/2 is served, and so is HTTP/1.1', async () => {
    const gateway = await start();
    const { port } = new URL(gateway.url);
    const opened = connect(`https://127.0.0.1:${port}`, { ca: [testCertificate] });
    rig.onClose(() => opened.destroy());
    expect((await get(opened, '/nothing')).status).toBe(404);
    const socket = connectTls({ host: '127.0.0.1', port: Number(port), ca: [testCertificate] });
    await once(socket, 'secureConnect');
    rig.onClose(() => void socket.destroy());
    const text = 'GET /v1/models HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\r\n';
    expect(await new RawClient(socket).write(text).closed()).toMatch(/^HTTP\/1\.1 200/);
  });
});
