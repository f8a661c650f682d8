import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { answerOk, RawBackend } from '../support/raw-backend.ts';
import { RawClient, rawRequest } from '../support/raw-client.ts';
import { GatewayProcess } from '../support/raw-process.ts';

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const dirOf = () => mkdtempSync(join(tmpdir(), 'pilotlight-full-disk-'));

const config = (url: string, spoolDir: string) => `
server:
  listen: 127.0.0.1:0
  admin: 127.0.0.1:0
  heldMemory: 16KiB
  spool: { dir: ${spoolDir} }
models:
  any:
    match: { paths: [/any] }
    backend: { driver: static, urls: ["${url}"], ready: { tcp: true } }
`;

/** Whether a file system of its own can be mounted for one process, which takes root or a user namespace. */
const inNamespace = ['unshare', '-rm', 'sh', '-c'];
const canMount =
  spawnSync('unshare', [...inNamespace.slice(1), `mount -t tmpfs -o size=64k none '${dirOf()}'`]).status ===
  0;

const disks = [
  {
    disk: 'that ends at 64 KiB of a file',
    code: 'EFBIG',
    shell: ['bash', '-c'],
    before: () => 'ulimit -f 64',
  },
  {
    disk: 'that is full',
    code: 'ENOSPC',
    shell: inNamespace,
    before: (dir: string) => `mount -t tmpfs -o size=64k none '${dir}'`,
  },
  {
    disk: 'whose folder cannot be made',
    code: 'ENOTDIR',
    shell: ['sh', '-c'],
    before: (dir: string) => {
      writeFileSync(join(dir, 'file'), '');
      return ':';
    },
    folder: (dir: string) => join(dir, 'file', 'below'),
  },
].filter(({ shell }) => shell !== inNamespace || canMount);

describe.each(disks)('a disk for the spool $disk', ({ code, shell, before, folder }) => {
  async function start() {
    const backend = await new RawBackend(answerOk).listen();
    closers.push(() => backend.close());
    const dir = dirOf();
    const gateway = await GatewayProcess.start(before(dir), config(backend.url, folder?.(dir) ?? dir), shell);
    closers.push(() => gateway.close());
    const send = (body: Buffer) => {
      const client = new RawClient(gateway.url);
      closers.push(() => client.destroy());
      return client.write(rawRequest('/any/x', body));
    };
    return { backend, gateway, send };
  }

  it('refuses the upload with memory_full, tells the cause in the log, and serves the others', async () => {
    const { backend, gateway, send } = await start();
    const answer = await send(randomBytes(300_000)).answer();
    expect([answer.status, answer.code, answer.fields.get('content-type')]).toEqual([
      429,
      'memory_full',
      'application/json',
    ]);
    expect(answer.fields.get('x-should-retry')).toBe('true');
    expect(Number(answer.fields.get('retry-after'))).toBeGreaterThanOrEqual(1);
    await gateway.untilLogged(new RegExp(`"level":50.*${code}`));
    await gateway.untilLogged(/"outcome":"memory_full"/);
    expect(backend.exchanges.every((exchange) => !exchange.body.isWhole)).toBe(true);
    expect((await send(randomBytes(1_000)).answer()).body).toBe('ok');
  });

  it('leaks neither files nor bytes over many refusals', async () => {
    const { gateway, send } = await start();
    for (let round = 0; round < 5; round++) {
      const answers = await Promise.all(Array.from({ length: 4 }, () => send(randomBytes(200_000)).answer()));
      for (const { code: told } of answers) expect(told).toBe('memory_full');
    }
    await expect.poll(() => gateway.spoolFiles()).toBe(0);
    await expect
      .poll(async () => (await fetch(`${gateway.adminUrl}/metrics`)).text())
      .toMatch(/^pilotlight_held_bytes\{place="memory"\} 0\npilotlight_held_bytes\{place="spool"\} 0$/m);
    expect((await send(randomBytes(1_000)).answer()).body).toBe('ok');
  });
});
