import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../support/free-ports.ts';
import { makeStage, sh, startProgram } from './staging.ts';

const isUp = (url: string) =>
  fetch(url).then(
    (answer) => answer.status,
    () => null,
  );

describe('the packed package, installed', () => {
  let stage: string;
  let bin: string;

  beforeAll(() => {
    stage = makeStage();
    const source = join(stage, 'source');
    const { files } = JSON.parse(readFileSync('package.json', 'utf8')) as { files: string[] };
    const inputs = files.filter((file) => file !== 'dist').concat('package.json', 'src');
    // Built in a copy, so that the tests beside this one never see a half-written dist.
    for (const input of [...inputs, 'tsconfig.json', 'tsconfig.build.json']) {
      cpSync(input, join(source, input), { recursive: true });
    }
    symlinkSync(resolve('node_modules'), join(source, 'node_modules'));
    sh('npm pack --pack-destination ..', source);
    const home = join(stage, 'home');
    mkdirSync(home);
    writeFileSync(join(home, 'package.json'), '{"private":true}');
    sh('npm install --omit=dev --ignore-scripts ../pilotlight-*.tgz', home);
    bin = join(home, 'node_modules/.bin/pilotlight');
  }, 120_000);
  afterAll(() => rmSync(stage, { recursive: true, force: true }));

  it('serves the demo backend and ends on SIGTERM', async () => {
    const port = await freePort();
    const program = startProgram(bin, ['demo-backend', '--port', String(port), '--load-time', '0ms'], {
      cwd: stage,
    });
    try {
      await expect.poll(() => isUp(`http://127.0.0.1:${port}/health`), { timeout: 15_000 }).toBe(200);
    } finally {
      expect(await program.stop()).toBe(0);
    }
  });

  it('opens the store of jobs, whose worker is a file of its own', () => {
    const script = `
      import { openSqliteStore } from './node_modules/pilotlight/dist/stores/sqlite/store.js';
      import { systemClock } from './node_modules/pilotlight/dist/core/clock.js';
      const store = await openSqliteStore({ file: '${stage}/jobs.sqlite', clock: systemClock, onFault: console.error });
      console.log(await store.backlog(), store.kind);
      await store.close();`;
    writeFileSync(join(stage, 'home', 'store.mjs'), script);
    expect(sh('node store.mjs', join(stage, 'home'))).toBe('[] sqlite\n');
  });

  it('serves a cold model through the gateway', async () => {
    const [port, adminPort] = [await freePort(), await freePort()];
    const command = '["{pilotlight}", demo-backend, --port, "{port}", --load-time, 100ms, --tokens, "2"]';
    const config = [
      `server: { listen: "127.0.0.1:${port}", admin: "127.0.0.1:${adminPort}" }`,
      `models: { m: { backend: { driver: process, command: ${command} } } }`,
    ];
    writeFileSync(join(stage, 'pilotlight.yaml'), config.join('\n'));
    const program = startProgram(bin, ['serve', '--config', 'pilotlight.yaml'], { cwd: stage });
    try {
      await expect.poll(() => isUp(`http://127.0.0.1:${adminPort}/healthz`), { timeout: 15_000 }).toBe(200);
      const answer = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', connection: 'close' },
        body: '{"model":"m","messages":[]}',
      });
      expect(await answer.json()).toMatchObject({ choices: [{ message: { content: 'This is' } }] });
    } finally {
      expect(await program.stop()).toBe(0);
    }
  });
});
