import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { type Program, startProgram } from '../cli/program.ts';

const folder = mkdtempSync(join(tmpdir(), 'pilotlight-keys-'));
let program: Program | null = null;

afterEach(async () => {
  program?.kill('SIGTERM');
  await program?.ended;
  rmSync(folder, { recursive: true });
});

const configOf = (listen: string, auth: string) => `
server: { listen: "${listen}", admin: 127.0.0.1:0 }
${auth}
models:
  m: { backend: { driver: static, urls: ["http://127.0.0.1:1"] } }
`;

it('goes on asking for keys where the address that others reach stays open until the next start', async () => {
  const file = join(folder, 'pilotlight.yaml');
  const keys = 'auth: { keys: [{ name: app, key: secret }] }';
  writeFileSync(file, configOf('0.0.0.0:0', keys));
  const gateway = startProgram(['serve', '--config', file]);
  program = gateway;
  await expect.poll(() => gateway.stderr(), { timeout: 10_000 }).toContain('admin on http');
  const port = /listens on http:\/\/0\.0\.0\.0:(\d+)/.exec(gateway.stderr())![1]!;
  const statusOf = async (headers = {}) =>
    (await fetch(`http://127.0.0.1:${port}/v1/models`, { headers })).status;
  expect(await statusOf()).toBe(401);

  writeFileSync(file, configOf('127.0.0.1:0', ''));
  await expect.poll(() => gateway.stdout(), { timeout: 10_000 }).toMatch(/configuration (refused|reloaded)/);
  expect(gateway.stdout()).toContain('auth: is not set, and 0.0.0.0:0 stays open to other machines');
  expect(await statusOf()).toBe(401);
  expect(await statusOf({ 'x-api-key': 'secret' })).toBe(200);

  writeFileSync(file, configOf('127.0.0.1:0', 'auth: open'));
  await expect.poll(() => statusOf(), { timeout: 10_000 }).toBe(200);
});
