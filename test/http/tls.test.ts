import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { followCertificate, readKeyPair } from '../../src/config/certificate.ts';
import { testCertificate, testKey } from '../probe/certificate.ts';
import { type Answer, answerJson } from '../support/backend.ts';
import type { Gateway } from '../support/gateway.ts';
import { chatRequest, Fixture, type GatewayChange, staticModel } from './fixture.ts';
import { lastAnswer, RawClient } from './raw.ts';
import { renewedCertificate, renewedKey } from './renewed-certificate.ts';

const fixture = new Fixture();
afterEach(() => fixture.close());

const old = { cert: testCertificate, key: testKey };
const renewed = { cert: renewedCertificate, key: renewedKey };

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'pilotlight-tls-'));
  fixture.onClose(() => rm(path, { recursive: true }));
  return path;
}

async function write(dir: string, { cert, key }: typeof old): Promise<void> {
  await writeFile(join(dir, 'tls.crt'), cert);
  await writeFile(join(dir, 'tls.key'), key);
}

const filesIn = (dir: string) => ({ certFile: join(dir, 'tls.crt'), keyFile: join(dir, 'tls.key') });

async function gatewayOf(dir: string, change: GatewayChange = {}, answer: Answer = answerJson) {
  const backend = await fixture.backend(answer);
  const server = { ...change.server, tls: filesIn(dir) };
  return fixture.gateway(staticModel(backend.url), { ...change, server });
}

async function start(change: GatewayChange = {}, answer: Answer = answerJson) {
  const dir = await folder();
  await write(dir, old);
  return { dir, gateway: await gatewayOf(dir, change, answer) };
}

async function open(gateway: Gateway): Promise<RawClient & { readonly socket: TLSSocket }> {
  const socket = connect({
    host: '127.0.0.1',
    port: Number(new URL(gateway.url).port),
    ca: [testCertificate, renewedCertificate],
  });
  await once(socket, 'secureConnect');
  fixture.onClose(() => void socket.destroy());
  return new RawClient(socket) as RawClient & { readonly socket: TLSSocket };
}

/** The name in the certificate that a new connection gets. */
async function served(gateway: Gateway): Promise<string> {
  const { socket } = await open(gateway);
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return String(CN);
}

const ok = /"ok":true/;

describe('a certificate whose files change', () => {
  it('is what new connections get, while running ones go on', async () => {
    let finish = () => undefined as unknown;
    const { dir, gateway } = await start({}, (res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write('data: one\n\n');
      finish = () => res.end('data: two\n\n');
    });
    const running = await open(gateway);
    await running.write(chatRequest()).until(/data: one/);
    expect(await served(gateway)).toBe('localhost');
    await write(dir, renewed);
    await expect.poll(() => served(gateway)).toBe('renewed');
    finish();
    await running.until(/data: two/);
  });

  it('is taken when each file is replaced by a rename', async () => {
    const { dir, gateway } = await start();
    for (const [name, text] of Object.entries({ 'tls.key': renewed.key, 'tls.crt': renewed.cert })) {
      await writeFile(join(dir, `.${name}.new`), text);
      await rename(join(dir, `.${name}.new`), join(dir, name));
    }
    await expect.poll(() => served(gateway)).toBe('renewed');
  });

  it('is taken when the link of a mounted secret is swapped, again and again', async () => {
    const dir = await folder();
    const swap = async (version: string, pair: typeof old) => {
      await mkdir(join(dir, version));
      await write(join(dir, version), pair);
      await symlink(version, join(dir, '..data_tmp'));
      await rename(join(dir, '..data_tmp'), join(dir, '..data'));
    };
    await swap('..1', old);
    for (const name of ['tls.crt', 'tls.key']) await symlink(join('..data', name), join(dir, name));
    const gateway = await gatewayOf(dir);
    expect(await served(gateway)).toBe('localhost');
    await swap('..2', renewed);
    await expect.poll(() => served(gateway)).toBe('renewed');
    await swap('..3', old);
    await expect.poll(() => served(gateway)).toBe('localhost');
  });

  it('is refused and told when it is no pair: the old one stays, and a good one is taken later', async () => {
    const dir = await folder();
    await write(dir, old);
    const gateway = await gatewayOf(dir);
    const refusals: string[] = [];
    const current = await readKeyPair(filesIn(dir));
    let taken = 0;
    // The gateway follows the same files; what it logs is seen here.
    const watching = followCertificate({
      files: filesIn(dir),
      current,
      server: { setSecureContext: () => undefined } as never,
      onTaken: () => taken++,
      onRefused: (error) => refusals.push((error as Error).message),
    });
    fixture.onClose(() => watching.close());
    await writeFile(join(dir, 'tls.crt'), renewed.cert);
    await expect.poll(() => refusals.at(-1)).toMatch(/server\.tls: .*tls\.crt and .*tls\.key are no pair/);
    expect(await served(gateway)).toBe('localhost');
    await writeFile(join(dir, 'tls.crt'), 'no certificate');
    await expect.poll(() => refusals.length).toBeGreaterThanOrEqual(2);
    expect([await served(gateway), taken]).toEqual(['localhost', 0]);
    await write(dir, renewed);
    await expect.poll(() => served(gateway)).toBe('renewed');
    await expect.poll(() => taken).toBe(1);
  });

  it('ends a start, before any backend is started, with the files named when it is no pair', async () => {
    const dir = await folder();
    await write(dir, { cert: old.cert, key: renewed.key });
    const marker = join(dir, 'started');
    const model = `  p: { scale: { min: 1 }, backend: { driver: process, command: [sh, -c, "touch ${marker}; sleep 3 # {port}"] } }`;
    const starting = fixture.gateway(model, { server: { tls: filesIn(dir) } });
    await expect(starting).rejects.toThrow(/server\.tls: .* are no pair: .*key values mismatch/);
    // Nothing is to happen, so there is nothing to wait for but time.
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(existsSync(marker)).toBe(false);
  });
});

describe('a listener with TLS has the limits of one without', () => {
  const head = 'POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\n';

  it('on the size of a head and the count of its fields', async () => {
    const { gateway } = await start({ limits: { headerBytes: 4096, headerCount: 10 } });
    const long = await open(gateway);
    long.write(`${head}x-long: ${'a'.repeat(5000)}\r\n\r\n`);
    expect(lastAnswer(await long.closed())).toMatchObject({ status: 431, code: 'headers_too_large' });
    const many = await open(gateway);
    many.write(`${head}${'x-a: b\r\n'.repeat(20)}\r\n`);
    expect(lastAnswer(await many.closed()).status).toBe(431);
  });

  it('on the time of a head, a body, an idle connection and a handshake', async () => {
    const limits = { headerTimeoutMs: 200, bodyTimeoutMs: 400, keepAliveMs: 100 };
    const { gateway } = await start({ limits });
    const slowHead = await open(gateway);
    slowHead.write(head);
    const slowBody = await open(gateway);
    slowBody.write(`${head}content-length: 9\r\n\r\n{`);
    const idle = await open(gateway);
    await idle.write(chatRequest()).until(ok);
    const silent = new RawClient(connectTcp(Number(new URL(gateway.url).port), '127.0.0.1'));
    expect(lastAnswer(await slowHead.closed()).status).toBe(408);
    expect(lastAnswer(await slowBody.closed()).status).toBe(408);
    await Promise.all([idle.closed(), silent.closed()]);
  });

  it('on the count of connections', async () => {
    const { gateway } = await start({ limits: { connections: 1 } });
    await (await open(gateway)).write(chatRequest()).until(ok);
    await expect(open(gateway)).rejects.toThrow();
  });

  it('on what may be ambiguous', async () => {
    const { gateway } = await start();
    const client = await open(gateway);
    client.write(`${head}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`);
    expect(lastAnswer(await client.closed())).toMatchObject({ status: 400, code: 'bad_request' });
  });

  it('closes a connection that does not speak TLS, and goes on', async () => {
    const { gateway } = await start();
    const plain = new RawClient(connectTcp(Number(new URL(gateway.url).port), '127.0.0.1'));
    const startedAtMs = performance.now();
    await plain.write(chatRequest()).closed();
    expect(performance.now() - startedAtMs).toBeLessThan(1_000);
    await (await open(gateway)).write(chatRequest()).until(ok);
  });

  it('takes an upgrade to something else than a WebSocket for a plain request', async () => {
    const { gateway } = await start();
    const client = await open(gateway);
    await client.write(chatRequest('connection: upgrade\r\nupgrade: h2c\r\n')).until(ok);
  });

  it('tells the backend of it', async () => {
    let proto: unknown;
    const { gateway } = await start({}, (res, req, body) => {
      proto = req.headers['x-forwarded-proto'];
      answerJson(res, req, body);
    });
    await (await open(gateway)).write(chatRequest()).until(ok);
    expect(proto).toBe('https');
  });

  it('ends at once although connections are open, used and not, and in their handshake', async () => {
    const { gateway } = await start();
    const used = await open(gateway);
    await used.write(chatRequest()).until(ok);
    const unused = await open(gateway);
    const silent = new RawClient(connectTcp(Number(new URL(gateway.url).port), '127.0.0.1'));
    await once(silent.socket, 'connect');
    const startedAtMs = performance.now();
    await gateway.close();
    expect(performance.now() - startedAtMs).toBeLessThan(1_000);
    await Promise.all([used.closed(), unused.closed(), silent.closed()]);
  });
});
