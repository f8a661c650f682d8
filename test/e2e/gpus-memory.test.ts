import { afterEach, beforeEach, expect, it } from 'vitest';
import { settingsOf, startGateway } from '../support/gateway.ts';
import { GpuModels } from '../support/gpu-models.ts';
import { World } from '../support/world.ts';

const world = new World();
let all: GpuModels;
beforeEach(() => {
  all = new GpuModels(world);
});
afterEach(() => world.close());

const gib = 1024 ** 3;
const oneCard = 'gpus: [{ id: 0, memory: 24GiB }]';
const until = <T>(look: () => T) => expect.poll(look, { timeout: 20_000, interval: 50 });
const free = [{ totalMib: 24_564, usedMib: 3 }];

it('the next start waits until the driver has freed the memory', { timeout: 60_000 }, async () => {
  const cards = all.cards(...free);
  const large = 'needs: { memory: 20GiB }';
  await all.start(oneCard, all.model('a', large) + all.model('b', large));
  await all.answer('a');
  cards.set([{ totalMib: 24_564, usedMib: 20_500 }]);
  const answer = all.answer('b');
  await until(() => all.told('start', 'stop')).toBe('start a, stop a');
  await until(async () => (await all.view()).waiting.map(({ model }) => model)).toEqual(['b']);
  // The process is gone, and its memory is not free yet.
  const asked = cards.asked;
  await until(() => cards.asked).toBeGreaterThan(asked + 2);
  expect(all.told('start')).toBe('start a');
  cards.set(free);
  await answer;
  expect(all.told('start', 'stop')).toBe('start a, stop a, start b');
});

it('a model that needs to be learned has the whole GPU, and then only what it took', {
  timeout: 60_000,
}, async () => {
  const cards = all.cards(...free);
  await all.start(oneCard, all.model('a', 'needs: auto') + all.model('b', 'needs: { memory: 12GiB }'));
  await all.answer('a');
  expect((await all.view()).gpus[0]!.holders[0]!.bytes).toBeGreaterThan(20 * gib);
  const { pid } = all.ledger[0]!;
  cards.set([{ totalMib: 24_564, usedMib: 8_192 }]);
  cards.hold([{ pid, uuid: 'GPU-0', mib: 8_192 }]);
  await until(async () => (await all.view()).learned).toEqual([{ model: 'a', peakBytes: 8 * gib }]);
  await all.answer('b');
  expect(all.told('start', 'stop')).toBe('start a, start b');
});

it('out of memory at load makes another go, and is tried once more at once', {
  timeout: 60_000,
}, async () => {
  const half = 'needs: { memory: 10GiB }';
  await all.start(oneCard, all.model('a', half) + all.model('b', half));
  await all.answer('a');
  all.runShort('b', 1);
  expect(await all.answer('b')).toMatchObject({ model: 'b' });
  expect(all.told('start', 'stop')).toBe('start a, start b, stop b, stop a, start b');
  // It is counted with what it says again.
  await until(async () => (await all.view()).gpus[0]!.holders.map(({ bytes }) => bytes)).toEqual([10 * gib]);
});

it('a second time it is a start that failed, with the reason', { timeout: 60_000 }, async () => {
  const half = 'needs: { memory: 10GiB }';
  await all.start(oneCard, all.model('a', half) + all.model('b', half));
  await all.answer('a');
  all.runShort('b', 2);
  await expect(all.answer('b')).rejects.toThrow(/503: .*start_failed.*|503: .*CUDA out of memory/);
  expect(all.told('start', 'stop')).toBe('start a, start b, stop b, stop a, start b, stop b');
});

it('out of memory with nobody to go is a start that failed', async () => {
  await all.start(oneCard, all.model('a', 'needs: { memory: 10GiB }'));
  all.runShort('a', 1);
  await expect(all.answer('a')).rejects.toThrow(/CUDA out of memory/);
  expect(all.told('start')).toBe('start a');
});

it('gpus: auto takes those that the driver tells of', async () => {
  all.cards({ totalMib: 24_564, usedMib: 3 }, { totalMib: 81_920, usedMib: 3 });
  await all.start('gpus: auto', all.model('a', 'needs: { memory: 60GiB }'));
  expect((await all.answer('a')).seen).toBe('1');
  expect(await all.metrics()).toMatch(/^pilotlight_gpu_memory_bytes\{gpu="0",kind="budget"\} 25757220864$/m);
});

it('gpus: auto fails the start where there are none', async () => {
  const cards = all.cards();
  cards.fail('No devices were found\n');
  await expect(startGateway(settingsOf(all.model('a', ''), 'gpus: auto'))).rejects.toThrow(
    /gpus: auto finds none: .*No devices were found/,
  );
});

it('a tool that fails later holds nobody up', { timeout: 60_000 }, async () => {
  const cards = all.cards(...free);
  const large = 'needs: { memory: 20GiB }';
  await all.start(oneCard, all.model('a', large) + all.model('b', large));
  await all.answer('a');
  cards.fail('Failed to initialize NVML: Driver/library version mismatch\n');
  await all.answer('b');
  expect((await all.view()).fault).toMatch(/Driver\/library version mismatch$/);
});
