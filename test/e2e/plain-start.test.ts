import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, expect, it } from 'vitest';
import { writeConfig } from '../support/served.ts';
import { fixedModel, World } from '../support/world.ts';

const main = new URL('../../src/main.ts', import.meta.url).pathname;
const world = new World();
afterEach(() => world.close());

/** Tells each module of this project that is loaded, on standard error. */
const spy = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  registerHooks({
    load(url, context, next) {
      const [, file] = /\\/src\\/(.*)$/.exec(url) ?? [];
      if (file !== undefined) process.stderr.write('loaded ' + file + '\\n');
      return next(url, context);
    },
  });
`)}`;

/** What a gateway with this configuration has loaded when it listens. */
async function loadedBy(models: string): Promise<string[]> {
  const { file, remove } = writeConfig(models);
  world.onClose(remove);
  const child = spawn(process.execPath, ['--import', spy, main, 'serve', '--config', file], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exit = once(child, 'exit');
  const loaded: string[] = [];
  for await (const line of createInterface(child.stderr)) {
    if (line.startsWith('Pilotlight listens')) break;
    if (line.startsWith('loaded ')) loaded.push(line.slice('loaded '.length));
  }
  child.stderr.resume();
  child.kill('SIGTERM');
  await exit;
  return loaded;
}

const ofSurfaces =
  /^(jobs|stores|webhooks)\/|^(office|job-office|job-view|front-desk|surface-places|ask)\.ts$|^http\/surface|^protocols\/(surfaces\.ts|\w+\/surface\.ts|contracts\/)/;

it('a gateway without surfaces loads nothing of surfaces, jobs and stores', async () => {
  const loaded = await loadedBy(fixedModel(['http://127.0.0.1:9']));
  expect(loaded).toContain('app.ts');
  expect(loaded.filter((file) => ofSurfaces.test(file))).toEqual([]);
});

it('a gateway with surfaces loads what it serves, and a store only where jobs are made', async () => {
  const models = fixedModel(['http://127.0.0.1:9']);
  const loaded = await loadedBy(`${models}\nsurfaces: { kserve: {} }\n`);
  expect(loaded).toContain('protocols/kserve/surface.ts');
  expect(loaded.filter((file) => /^(jobs|stores)\//.test(file))).toEqual([]);
  expect(loaded).not.toContain('protocols/replicate/surface.ts');
});
