import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { createHttp2Lane } from '../../src/relay/http2/lane.ts';
import { createLazyLane } from '../../src/relay/lazy-lane.ts';
import { type Listener, type ListenerOptions, openListener } from '../../src/relay/listener.ts';
import { readTlsLimits, type TlsLimits } from '../../src/relay/tls-limits.ts';
import { openTlsPort } from '../../src/relay/tls-server.ts';
import type { Lane } from '../../src/relay/traffic.ts';
import { renewedCertificate, renewedKey } from '../http/renewed-certificate.ts';
import { testCertificate, testKey } from '../probe/certificate.ts';
import { ManualClock } from '../support/manual-clock.ts';

const run = promisify(execFile);
const closes: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closes.splice(0).reverse()) await close();
});

/** A lane of HTTP/1 that answers each connection with what it read first. */
class EchoLane implements Lane {
  readonly sockets: Socket[] = [];

  take(socket: Socket): void {
    this.sockets.push(socket);
    socket.on('error', () => socket.destroy());
    let body = '';
    socket.on('data', (bytes) => {
      body += bytes.toString('latin1');
      const head = `HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n`;
      if (body.endsWith('\r\n\r\n')) socket.end(head + body);
    });
  }

  drain(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
  }
}

function greeting(): Lane {
  return createHttp2Lane({
    clock: systemClock,
    traffic: {
      take(request) {
        request.answer({ status: 200, fields: [], body: request.head.peer.isTls ? 'over tls' : 'plain' });
        return {
          onHead: (_status, fields) => fields,
          onBytes: () => undefined,
          onUpload: () => undefined,
          onBroken: () => ({ status: 502, fields: [], body: '' }),
          brokenEvent: () => null,
          onEnd: () => undefined,
        };
      },
    },
  });
}

async function open(options: Partial<ListenerOptions> = {}) {
  const http1 = new EchoLane();
  let loads = 0;
  const http2 = createLazyLane(
    async () => {
      loads++;
      return greeting();
    },
    (error) => {
      throw error;
    },
  );
  const lanes = { http1, http2 };
  const listener = await openListener({ port: 0, host: '127.0.0.1', lanes, clock: systemClock, ...options });
  closes.push(() => {
    listener.close();
    http1.close();
    http2.close();
  });
  return { listener, http1, http2, loads: () => loads };
}

function dial({ port }: Listener): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => socket.destroy());
  closes.push(() => void socket.destroy());
  return socket;
}

async function all(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1');
  });
  if (!socket.closed) await once(socket, 'close');
  return text;
}

async function askHttp2(url: string, options = {}): Promise<string> {
  const session = connectHttp2(url, options);
  const stream = session.request({ ':path': '/' });
  let body = '';
  stream.on('data', (chunk) => {
    body += chunk;
  });
  await once(stream, 'close');
  session.close();
  return body;
}

describe('a port of both versions', () => {
  it('gives a connection to the lane of what it speaks, with every byte of it', async () => {
    const { listener } = await open();
    const socket = dial(listener);
    socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    expect(await all(socket)).toMatch(/200 OK.*GET \/ HTTP\/1\.1\r\nhost: a\r\n\r\n$/s);
    expect(await askHttp2(`http://127.0.0.1:${listener.port}`)).toBe('plain');
  });

  it('decides by the first byte that is not of the preface, however the bytes come', async () => {
    const { listener, http1 } = await open();
    const socket = dial(listener);
    await once(socket, 'connect');
    socket.setNoDelay(true);
    for (const piece of ['P', 'RI * HTTP/', '2.0\r\n\r\nS']) {
      socket.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(http1.sockets).toEqual([]);
    socket.write('X\r\n\r\n');
    expect(await all(socket)).toMatch(/PRI \* HTTP\/2\.0\r\n\r\nSX\r\n\r\n$/);
  });

  it('takes a preface that comes byte by byte', async () => {
    const { listener, loads } = await open();
    const socket = dial(listener);
    await once(socket, 'connect');
    socket.setNoDelay(true);
    const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    for (const byte of preface) {
      socket.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
    const [settings] = (await once(socket, 'data')) as [Buffer];
    expect(settings[3]).toBe(4);
    expect(loads()).toBe(1);
  });

  it('loads the lane of HTTP/2 with its first connection, once', async () => {
    const { listener, loads } = await open();
    const socket = dial(listener);
    socket.write('GET / HTTP/1.1\r\n\r\n');
    await all(socket);
    expect(loads()).toBe(0);
    const url = `http://127.0.0.1:${listener.port}`;
    expect(await Promise.all([askHttp2(url), askHttp2(url)])).toEqual(['plain', 'plain']);
    expect(loads()).toBe(1);
  });

  it('closes a connection that does not say what it speaks in time', async () => {
    const clock = new ManualClock();
    const { listener } = await open({ clock, firstBytesMs: 5_000 });
    const silent = dial(listener);
    const slow = dial(listener);
    slow.write('PRI * ');
    const speaking = dial(listener);
    speaking.write('GET / HTTP/1.1\r\n');
    await Promise.all([silent, slow, speaking].map((socket) => once(socket, 'connect')));
    await expect.poll(() => clock.pendingTimers).toBe(2);
    await clock.advance(5_001);
    await Promise.all([all(silent), all(slow)]);
    speaking.write('\r\n');
    expect(await all(speaking)).toContain('200 OK');
  });

  it('closes connections past its limit', async () => {
    const { listener, http1 } = await open({ maxConnections: 2 });
    const first = dial(listener);
    const second = dial(listener);
    first.write('GET');
    second.write('GET');
    await expect.poll(() => http1.sockets.length).toBe(2);
    expect(await all(dial(listener))).toBe('');
    first.destroy();
    await expect
      .poll(async () => {
        const third = dial(listener);
        third.write('GET / HTTP/1.1\r\n\r\n');
        return all(third);
      })
      .toContain('200 OK');
  });

  it('closes what has not said what it speaks when it is closed, and leaves the rest to its lane', async () => {
    const { listener, http1 } = await open();
    const undecided = dial(listener);
    const decided = dial(listener);
    decided.write('GET / HTTP/1.1\r\n');
    await Promise.all([once(undecided, 'connect'), expect.poll(() => http1.sockets.length).toBe(1)]);
    listener.close();
    expect(await all(undecided)).toBe('');
    decided.write('\r\n');
    expect(await all(decided)).toContain('200 OK');
    const late = connect(listener.port, '127.0.0.1');
    const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
  });

  it('says why a port cannot be had', async () => {
    const { listener } = await open();
    await expect(open({ port: listener.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});

describe('a lane that cannot be loaded', () => {
  it('closes who waits for it, says why, and is tried again', async () => {
    const failures: unknown[] = [];
    let isBroken = true;
    const http2 = createLazyLane(
      async () => {
        if (isBroken) throw new Error('no such module');
        return greeting();
      },
      (error) => failures.push(error),
    );
    const { listener } = await open({ lanes: { http1: new EchoLane(), http2 } });
    closes.push(() => http2.close());
    const url = `http://127.0.0.1:${listener.port}`;
    expect(await askHttp2(url)).toBe('');
    expect(failures).toEqual([new Error('no such module')]);
    isBroken = false;
    expect(await askHttp2(url)).toBe('plain');
  });
});

const old = { cert: testCertificate, key: testKey };
const renewed = { cert: renewedCertificate, key: renewedKey };

/** A mounted Secret: the files are links through `..data`, which is swapped. */
async function mount({
  cert,
  key,
}: typeof old): Promise<{ dir: string; swap(pair: typeof old): Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'pilotlight-relay-'));
  closes.push(() => rm(dir, { recursive: true }));
  let turn = 0;
  const swap = async (pair: typeof old) => {
    const name = `..turn-${turn++}`;
    await mkdir(join(dir, name));
    await writeFile(join(dir, name, 'tls.crt'), pair.cert);
    await writeFile(join(dir, name, 'tls.key'), pair.key);
    await symlink(name, join(dir, '..data_tmp'));
    await rename(join(dir, '..data_tmp'), join(dir, '..data'));
  };
  await swap({ cert, key });
  for (const file of ['tls.crt', 'tls.key']) await symlink(join('..data', file), join(dir, file));
  return { dir, swap };
}

async function openTls(limits: TlsLimits = readTlsLimits({}, '')) {
  const { dir, swap } = await mount(old);
  const told: string[] = [];
  const port = await openTlsPort({
    files: { certFile: join(dir, 'tls.crt'), keyFile: join(dir, 'tls.key') },
    name: 'certificates',
    limits,
    onTaken: () => told.push('taken'),
    onRefused: (error) => told.push((error as Error).message),
  });
  closes.push(() => port.close());
  return { ...(await open({ tls: port.createServer })), swap, told };
}

function dialTls({ port }: Listener, options: ConnectionOptions = {}) {
  const ca = [testCertificate, renewedCertificate];
  const socket = connectTls({ port, host: '127.0.0.1', ca, ...options });
  closes.push(() => void socket.destroy());
  return socket;
}

async function shown(listener: Listener, options: ConnectionOptions = {}) {
  const socket = dialTls(listener, options);
  await once(socket, 'secureConnect');
  const { name, version } = socket.getCipher();
  const serial = socket.getPeerCertificate().serialNumber;
  const protocol = socket.getProtocol();
  socket.destroy();
  return { name, version, serial, protocol };
}

describe('a port of TLS', () => {
  it('speaks both versions: by ALPN, and by the first bytes where there is none', async () => {
    const { listener } = await openTls();
    expect(await askHttp2(`https://127.0.0.1:${listener.port}`, { ca: [testCertificate] })).toBe('over tls');
    for (const ALPNProtocols of [['http/1.1'], undefined]) {
      const socket = dialTls(listener, ALPNProtocols && { ALPNProtocols });
      socket.write('GET / HTTP/1.1\r\n\r\n');
      expect(await all(socket)).toContain('200 OK');
    }
    const plain = dialTls(listener);
    plain.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    const [settings] = (await once(plain, 'data')) as [Buffer];
    expect(settings[3]).toBe(4);
  });

  it('takes a renewed certificate, keeps connections that are open, and refuses one that is none', async () => {
    const { listener, swap, told } = await openTls();
    const before = await shown(listener);
    const open = dialTls(listener, { ALPNProtocols: ['http/1.1'] });
    await once(open, 'secureConnect');
    await swap({ cert: renewedCertificate, key: testKey });
    await expect.poll(() => told[0]).toMatch(/^certificates: .*tls\.crt and .* are no pair: /);
    expect(await shown(listener)).toEqual(before);
    await swap(renewed);
    await expect.poll(() => told.at(-1)).toBe('taken');
    expect((await shown(listener)).serial).not.toBe(before.serial);
    open.write('GET / HTTP/1.1\r\n\r\n');
    expect(await all(open)).toContain('200 OK');
  });

  it('keeps its versions and suites with a renewed certificate', async () => {
    const env = {
      TLS_MIN_VERSION: '1.2',
      TLS_MAX_VERSION: '1.2',
      TLS_CIPHER_SUITES: 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384',
    };
    const { listener, swap, told } = await openTls(readTlsLimits(env, ''));
    const suite = { name: 'ECDHE-ECDSA-AES256-GCM-SHA384', protocol: 'TLSv1.2' };
    expect(await shown(listener)).toMatchObject(suite);
    await swap(renewed);
    await expect.poll(() => told).toEqual(['taken']);
    expect(await shown(listener)).toMatchObject(suite);
  });

  it('agrees to TLS 1.3 alone unless told otherwise', async () => {
    const { listener } = await openTls();
    expect((await shown(listener)).protocol).toBe('TLSv1.3');
    const old = dialTls(listener, { maxVersion: 'TLSv1.2' });
    await expect(once(old, 'secureConnect')).rejects.toThrow(/version/);
  });

  it('takes the curves that it is told', async () => {
    const { listener } = await openTls(readTlsLimits({ TLS_CURVE_PREFERENCES: 'CurveP384, P-521' }, ''));
    expect((await shown(listener, { ecdhCurve: 'P-384' })).protocol).toBe('TLSv1.3');
    const other = dialTls(listener, { ecdhCurve: 'X25519' });
    await expect(once(other, 'secureConnect')).rejects.toThrow();
  });

  it('is the same for curl', async () => {
    const { listener } = await openTls();
    const url = `https://127.0.0.1:${listener.port}/`;
    const { stdout } = await run('curl', ['-sSk', '-w', '%{http_version}', url]);
    expect(stdout).toBe('over tls2');
  });
});

describe('what a port of TLS agrees to', () => {
  const prefix = 'QUEUE_PROXY_';
  const read = (name: string, value: string) => readTlsLimits({ [prefix + name]: value }, prefix);

  it('is TLS 1.3 where nothing is set, and where a variable is empty', () => {
    const modern = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' };
    expect(readTlsLimits({}, prefix)).toEqual(modern);
    const names = ['TLS_MIN_VERSION', 'TLS_MAX_VERSION', 'TLS_CIPHER_SUITES', 'TLS_CURVE_PREFERENCES'];
    const empty = Object.fromEntries(names.map((name) => [prefix + name, '']));
    expect(readTlsLimits(empty, prefix)).toEqual(modern);
  });

  it('takes names as Go writes them, with spaces and empty ones between the commas', () => {
    const suites =
      ' TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,, TLS_AES_128_GCM_SHA256,TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA';
    const ciphers = read('TLS_CIPHER_SUITES', suites).ciphers!.split(':');
    expect(ciphers.slice(3)).toEqual(['ECDHE-RSA-CHACHA20-POLY1305', 'ECDHE-ECDSA-AES128-SHA']);
    expect(read('TLS_CURVE_PREFERENCES', 'CurveP256,P-384,X25519MLKEM768').ecdhCurve).toBe(
      'P-256:P-384:X25519MLKEM768',
    );
  });

  it.each([
    ['TLS_MIN_VERSION', '1.1', 'QUEUE_PROXY_TLS_MIN_VERSION: "1.1" is none of "1.2" and "1.3"'],
    ['TLS_MAX_VERSION', 'TLSv1.3', 'QUEUE_PROXY_TLS_MAX_VERSION: "TLSv1.3" is none of "1.2" and "1.3"'],
    [
      'TLS_MAX_VERSION',
      '1.2',
      'QUEUE_PROXY_TLS_MAX_VERSION: 1.2 is below QUEUE_PROXY_TLS_MIN_VERSION, which is 1.3',
    ],
    [
      'TLS_CIPHER_SUITES',
      'TLS_RSA_WITH_RC4_128_SHA',
      'QUEUE_PROXY_TLS_CIPHER_SUITES: "TLS_RSA_WITH_RC4_128_SHA" is not known',
    ],
    ['TLS_CURVE_PREFERENCES', 'P-256,p-384', 'QUEUE_PROXY_TLS_CURVE_PREFERENCES: "p-384" is not known'],
  ])('refuses %s=%s by its name', (name, value, message) => {
    expect(() => read(name, value)).toThrow(message);
  });
});
