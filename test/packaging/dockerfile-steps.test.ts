import { chmodSync, cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { knativeEnvironment } from '../sidecar-unit/environment/knative-environment.ts';
import { freePort } from '../support/free-ports.ts';
import { readCopy, readFrom, steps, stepsOf } from './dockerfile.ts';
import { makeStage, sh, startProgram } from './staging.ts';

/** Plays the stages in folders in place of file systems; RUN is a plain shell there. */
function playDockerfile(root: string): string {
  const tools = join(root, 'tools');
  mkdirSync(tools);
  // The image's user is not on this machine.
  writeFileSync(join(tools, 'chown'), '#!/bin/sh\n[ "$1" = node:node ] && [ -d "$2" ]\n');
  chmodSync(join(tools, 'chown'), 0o755);
  const folderByStage = new Map<string, string>();
  let stage = '';
  let workdir = '';
  for (const { keyword, text } of steps) {
    if (keyword === 'FROM') {
      const { base, stage: name } = readFrom(text);
      // A stage that begins with another adds no file to it.
      stage = folderByStage.get(base) ?? join(root, name || 'image');
      folderByStage.set(name, stage);
    }
    if (keyword === 'WORKDIR') {
      workdir = join(stage, text);
      mkdirSync(workdir, { recursive: true });
    }
    // Absolute paths of the image lie in the stage's folder here.
    if (keyword === 'RUN') sh(`PATH=${tools}:$PATH; ${text.replaceAll(/ \/(?=\w)/g, ` ${stage}/`)}`, workdir);
    if (keyword === 'COPY') {
      const { from, target, sources } = readCopy(text);
      for (const source of sources) {
        const origin = from === null ? source : join(folderByStage.get(from)!, source);
        const to = target === './' ? join(workdir, basename(source)) : join(workdir, target);
        cpSync(origin, to, { recursive: true, verbatimSymlinks: true });
      }
    }
  }
  return folderByStage.get('')!;
}

describe("the Dockerfile's steps, played", () => {
  let root: string;
  let image: string;

  beforeAll(() => {
    root = makeStage();
    image = playDockerfile(root);
  }, 150_000);
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  it('leave no sources and no development dependencies', () => {
    expect(existsSync(join(image, 'app/src'))).toBe(false);
    expect(existsSync(join(image, 'app/node_modules/typescript'))).toBe(false);
    expect(existsSync(join(image, 'app/node_modules/undici'))).toBe(true);
  });

  it('give an entry point that serves, as its health check finds', async () => {
    const [port, adminPort] = [await freePort(), await freePort()];
    const config = join(root, 'pilotlight.yaml');
    const server = `{ listen: "127.0.0.1:${port}", admin: "127.0.0.1:${adminPort}" }`;
    const backend = '{ driver: process, command: [none] }';
    writeFileSync(config, `server: ${server}\nmodels: { m: { backend: ${backend} } }\n`);
    const text = (keyword: string) => stepsOf('').findLast((step) => step.keyword === keyword)!.text;
    const [entry] = JSON.parse(text('ENTRYPOINT')) as [string];
    const args = (JSON.parse(text('CMD')) as string[]).map((word) =>
      word === '/etc/pilotlight/pilotlight.yaml' ? config : word,
    );
    const [, flag, script] = JSON.parse(text('HEALTHCHECK').replace(/^.*? CMD /, '')) as string[];
    const program = startProgram(join(image, entry), args, { cwd: root });
    const check = () => {
      try {
        sh(`node ${flag} "${script!.replace(':9090', `:${adminPort}`)}"`, root);
        return 'healthy';
      } catch {
        return 'unhealthy';
      }
    };
    try {
      await expect.poll(check, { timeout: 15_000, interval: 100 }).toBe('healthy');
    } finally {
      expect(await program.stop()).toBe(0);
    }
    expect(check()).toBe('unhealthy');
  });

  it('give a sidecar that needs nothing but what Knative tells its own', async () => {
    const [port, appPort] = [await freePort(), await freePort()];
    const entry = JSON.parse(
      stepsOf('sidecar').find(({ keyword }) => keyword === 'ENTRYPOINT')!.text,
    ) as string[];
    const [command, ...args] = entry.map((word) => word.replace(/^\/app/, join(image, 'app')));
    const environment = {
      ...knativeEnvironment(),
      QUEUE_SERVING_PORT: String(port),
      USER_PORT: String(appPort),
      SERVING_READINESS_PROBE: JSON.stringify({ tcpSocket: { port: appPort }, successThreshold: 1 }),
      // Of a pod these are free, of this machine perhaps not.
      PILOTLIGHT_LISTEN_HOST: '127.0.0.1',
      PILOTLIGHT_ADMIN_PORT: '0',
      PILOTLIGHT_STATS_PORT: '0',
      PILOTLIGHT_DRAIN_QUIET: '0',
    };
    const program = startProgram(command!, args, { cwd: root, environment });
    const app = createServer((_request, response) => response.end('the app')).listen(appPort, '127.0.0.1');
    const probe = { headers: { 'user-agent': 'kube-probe/1.33', 'k-network-probe': 'queue' } };
    const ask = (init?: RequestInit) =>
      fetch(`http://127.0.0.1:${port}/`, init).then(
        (answer) => answer.text(),
        () => 'nothing',
      );
    try {
      await expect.poll(() => ask(probe), { timeout: 15_000, interval: 100 }).toBe('queue');
      expect(await ask()).toBe('the app');
    } finally {
      app.close();
      app.closeAllConnections();
      expect(await program.stop()).toBe(0);
    }
  });
});
