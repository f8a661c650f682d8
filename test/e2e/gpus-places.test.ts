import { afterEach, beforeEach, expect, it } from 'vitest';
import { runProgram } from '../cli/program.ts';
import { settingsOf } from '../support/gateway.ts';
import { GpuModels } from '../support/gpu-models.ts';
import { World } from '../support/world.ts';

const world = new World();
let all: GpuModels;
beforeEach(() => {
  all = new GpuModels(world);
});
afterEach(() => world.close());

const twoCards = 'gpus: [{ id: 0, memory: 24GiB }, { id: 1, memory: 24GiB }]';
const until = <T>(look: () => T) => expect.poll(look, { timeout: 15_000, interval: 20 });

it('{gpus} in the command is the GPUs of the replica, and then CUDA is told nothing', async () => {
  await all.start(twoCards, all.model('a', 'needs: { gpus: 2 }', { saysGpus: true }));
  expect(await all.answer('a')).toEqual({ model: 'a', seen: null, gpus: '0,1' });
});

it('a model that needs no GPU sees none', async () => {
  await all.start(`${twoCards}\nhostMemory: 8GiB`, all.model('a', 'needs: { gpus: 0, hostMemory: 1GiB }'));
  expect((await all.answer('a')).seen).toBe('');
});

it('replicas of one model get a GPU each, and keep it', async () => {
  await all.start(twoCards, all.model('a', 'needs: {}\n    scale: { min: 2, max: 2 }\n    concurrency: 1'));
  await until(() => all.told('start')).toBe('start a, start a');
  expect(all.ledger.map(({ seen }) => seen).toSorted()).toEqual(['0', '1']);
  await until(async () => (await all.view()).gpus.map(({ holders }) => holders.length)).toEqual([1, 1]);
});

it('the memory of the host is shared as well', async () => {
  const needs = 'needs: { gpus: 0, hostMemory: 6GiB }';
  await all.start('hostMemory: 8GiB', all.model('a', needs) + all.model('b', needs));
  await all.answer('a');
  await all.answer('b');
  expect(all.told('start', 'stop')).toBe('start a, stop a, start b');
});

it('gpus and needs change while the gateway runs', async () => {
  const models = (needs: string) => all.model('a', needs) + all.model('b', needs);
  const gateway = await all.start('gpus: [{ id: 0, memory: 24GiB }]', models('needs: { memory: 20GiB }'));
  await all.answer('a');
  gateway.app.reload(settingsOf(models('needs: { memory: 20GiB }'), twoCards));
  expect((await all.answer('b')).seen).toBe('1');
  expect(all.told('start', 'stop')).toBe('start a, start b');
  gateway.app.reload(settingsOf(all.model('a', 'needs: { memory: 20GiB }'), twoCards));
  await until(() => all.told('stop')).toBe('stop b');
  await until(async () => (await all.view()).gpus.map(({ holders }) => holders.length)).toEqual([1, 0]);
});

it('gpus cannot come where there were none at the start', async () => {
  const gateway = await all.start('', all.model('a', ''));
  expect(await all.view()).toEqual({ gpus: [], waiting: [], learned: [], fault: null });
  const changed = settingsOf(all.model('a', 'needs: {}'), twoCards);
  expect(() => gateway.app.reload(changed)).toThrow(/none was set at the start/);
});

it('`pilotlight status` tells who holds which GPU', async () => {
  const { adminUrl } = await all.start(twoCards, all.model('a', 'needs: { memory: 20GiB }'));
  await all.answer('a');
  const { stdout } = await runProgram(['status', '--admin', adminUrl]);
  expect(stdout).toMatch(/\na +ready .*\n\nGPU 0 of 24GiB: a 20GiB ready\nGPU 1 of 24GiB: free\n$/);
});
