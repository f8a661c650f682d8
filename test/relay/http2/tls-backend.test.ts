import { once } from 'node:events';
import { createSecureServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { createServer as createTlsServer, getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { renewedCertificate, renewedKey } from '../../http/renewed-certificate.ts';
import { testCertificate, testKey } from '../../probe/certificate.ts';
import { ask, ignore, Rig, to } from './rig.ts';

let rig = new Rig();
afterEach(async () => {
  await rig.close();
  rig = new Rig();
});

setDefaultCACertificates([...getCACertificates('default'), testCertificate]);

async function secure(pair: { cert: string; key: string }): Promise<number> {
  const server = createSecureServer(pair);
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session) => sessions.add(session as ServerHttp2Session));
  server.on('stream', (http2Stream, headers) => {
    const stream = http2Stream as ServerHttp2Stream;
    stream.on('error', ignore);
    stream.respond({ ':status': 200 });
    stream.end(`over ${headers[':scheme']}`);
  });
  server.on('sessionError', ignore);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  rig.onClose(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function askOverTls(port: number) {
  await rig.open(port, { take: (told) => told.request.forward({ ...to(told, port), isTls: true }) });
  return ask(rig.client(), { ':method': 'POST' }, 'body');
}

describe('a backend behind TLS', () => {
  it('is spoken to by its scheme where its certificate is good', async () => {
    expect((await askOverTls(await secure({ cert: testCertificate, key: testKey }))).body).toBe('over https');
    expect(rig.told[0]!.ends).toEqual(['answered']);
  });

  it('with a certificate that nobody vouches for is unreachable', async () => {
    await askOverTls(await secure({ cert: renewedCertificate, key: renewedKey }));
    expect(rig.told[0]).toMatchObject({ ends: ['unreachable'], broken: { isSent: false }, uploaded: 0 });
    expect(rig.told[0]!.broken!.cause).toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  });

  it('that speaks HTTP/1 alone is unreachable', async () => {
    const server = createTlsServer({ cert: testCertificate, key: testKey }, (socket) => {
      socket.on('error', ignore);
      socket.on('data', () => socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n'));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    rig.onClose(() => server.close());
    await askOverTls((server.address() as AddressInfo).port);
    expect(rig.told[0]).toMatchObject({ ends: ['unreachable'], broken: { isSent: false }, uploaded: 0 });
  });
});
