import { once } from 'node:events';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { connect as connectSession } from 'node:http2';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { renewedCertificate, renewedKey } from '../http/renewed-certificate.ts';
import { testCertificate, testKey } from '../probe/certificate.ts';
import { answerOk } from '../support/raw-backend.ts';
import { rawRequest } from '../support/raw-client.ts';
import { answerOf, ask, startH2App } from './support/h2-app.ts';
import { useSidecarRig } from './support/sidecar-rig.ts';
import { isOriginal } from './support/under-test.ts';

const rig = useSidecarRig();

/** A key and its certificate. */
type Pair = readonly [key: string, certificate: string];

/** Certificates for `localhost` and for `renewed`. */
const first: Pair = [testKey, testCertificate];
const renewed: Pair = [renewedKey, renewedCertificate];

/** Mounted as the kubelet does it: the files are links into a folder that is changed for another as a whole. */
class CertFolder {
  readonly path = isOriginal ? '/var/lib/knative/certs' : mkdtempSync(join(tmpdir(), 'pilotlight-certs-'));
  #versions = 0;

  constructor() {
    for (const name of ['tls.crt', 'tls.key']) {
      rmSync(join(this.path, name), { force: true });
      symlinkSync(join('..data', name), join(this.path, name));
    }
  }

  write([key, certificate]: Pair): void {
    const version = `..v${++this.#versions}`;
    mkdirSync(join(this.path, version), { recursive: true });
    writeFileSync(join(this.path, version, 'tls.key'), key);
    writeFileSync(join(this.path, version, 'tls.crt'), certificate);
    rmSync(join(this.path, '..data_tmp'), { force: true });
    symlinkSync(version, join(this.path, '..data_tmp'));
    renameSync(join(this.path, '..data_tmp'), join(this.path, '..data'));
  }

  remove(): void {
    const names = isOriginal ? ['tls.crt', 'tls.key', '..data'] : [''];
    for (const name of names) rmSync(join(this.path, name), { recursive: true, force: true });
  }
}

function withCertificate(): {
  readonly certs: CertFolder;
  readonly env: Record<string, string>;
} {
  const certs = new CertFolder();
  rig.onClose(() => certs.remove());
  certs.write(first);
  return { certs, env: { PILOTLIGHT_CERT_DIR: certs.path } };
}

/** The name in the certificate of a new connection, and the protocol that was agreed on. */
async function handshake(options: object = {}): Promise<{
  readonly name: string;
  readonly protocol: string | null;
  readonly alpn: string | false | null;
}> {
  const socket: TLSSocket = connect({
    port: rig.sidecar.ports.tls,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    ...options,
  });
  await once(socket, 'secureConnect');
  const told = {
    name: String(socket.getPeerCertificate().subject.CN),
    protocol: socket.getProtocol(),
    alpn: socket.alpnProtocol,
  };
  socket.destroy();
  return told;
}

describe('the port with TLS', () => {
  it('serves HTTP/1.1 as the other does', async () => {
    const { env } = withCertificate();
    const app = await rig.app(answerOk);
    const sidecar = await rig.start(app, { env });
    await sidecar.untilListening(sidecar.ports.tls);
    const asked = request({
      port: sidecar.ports.tls,
      host: '127.0.0.1',
      path: '/tls',
      method: 'POST',
      rejectUnauthorized: false,
      agent: false,
    });
    asked.end('x');
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    expect(answer.statusCode).toBe(200);
    answer.resume();
    expect(app.exchanges[0]!.path).toBe('/tls');
    // The other port goes on beside it.
    expect(await rig.client().write(rawRequest('/', 'x')).answer()).toMatchObject({ status: 200 });
  });

  it('serves HTTP/2 to who asks for it', async () => {
    const { env } = withCertificate();
    const app = await startH2App((stream) => {
      stream.respond({ ':status': 200 });
      stream.end('ok');
    });
    rig.onClose(() => app.close());
    const sidecar = await rig.start(app.port, { env });
    await sidecar.untilListening(sidecar.ports.tls);
    const session = connectSession(`https://127.0.0.1:${sidecar.ports.tls}`, { rejectUnauthorized: false });
    rig.onClose(() => session.destroy());
    await once(session, 'connect');
    expect(session.alpnProtocol).toBe('h2');
    expect(await answerOf(ask(session, {}))).toMatchObject({ body: 'ok', code: 0 });
  });

  it('is of version 1.3 and no older', async () => {
    const { env } = withCertificate();
    const sidecar = await rig.start(await rig.app(answerOk), { env });
    await sidecar.untilListening(sidecar.ports.tls);
    expect((await handshake()).protocol).toBe('TLSv1.3');
    await expect(handshake({ maxVersion: 'TLSv1.2' })).rejects.toThrow();
  });

  it('takes a certificate that was renewed within its interval', { timeout: 100_000 }, async () => {
    const { certs, env } = withCertificate();
    const sidecar = await rig.start(await rig.app(answerOk), { env });
    await sidecar.untilListening(sidecar.ports.tls);
    expect((await handshake()).name).toBe('localhost');
    certs.write(renewed);
    // The original looks once a minute.
    const timeout = isOriginal ? 70_000 : 20_000;
    await expect.poll(async () => (await handshake()).name, { timeout, interval: 100 }).toBe('renewed');
  });

  it('is closed where no certificate is mounted', async () => {
    const sidecar = await rig.start(await rig.app(answerOk));
    await expect(sidecar.untilListening(sidecar.ports.serving)).resolves.toBeUndefined();
    await expect(handshake()).rejects.toThrow(/ECONNREFUSED/);
  });
});
