import { afterEach, beforeEach, expect, it } from 'vitest';
import { GpuModels } from '../support/gpu-models.ts';
import { World } from '../support/world.ts';

const world = new World();
let all: GpuModels;
beforeEach(() => {
  all = new GpuModels(world);
});
afterEach(() => world.close());

const oneCard = 'gpus: [{ id: 0, memory: 24GiB }]';
const large = 'needs: { memory: 20GiB }';
const until = <T>(look: () => T) => expect.poll(look, { timeout: 15_000, interval: 20 });

it('a model that does not fit makes an idle one go, and only then starts', async () => {
  await all.start(oneCard, all.model('a', large) + all.model('b', large));
  expect(await all.answer('a')).toMatchObject({ model: 'a', seen: '0' });
  expect(await all.answer('b')).toMatchObject({ model: 'b', seen: '0' });
  expect(all.told('start', 'stop')).toBe('start a, stop a, start b');
  expect((await all.view()).gpus[0]!.holders).toEqual([
    { model: 'b', state: 'ready', bytes: 20 * 1024 ** 3 },
  ]);
  expect(await all.metrics()).toMatch(/^pilotlight_evictions_total\{model="a"\} 1$/m);
});

it('models that fit beside each other stay, and who starts again soonest goes', async () => {
  const small = 'needs: { memory: 10GiB }';
  const slow = all.model('a', small, { loadMs: 2_500 });
  await all.start(oneCard, slow + all.model('b', small) + all.model('c', small));
  await all.answer('a');
  await all.answer('b');
  await all.answer('a');
  expect(all.told('start', 'stop')).toBe('start a, start b');
  await all.answer('c');
  expect(all.told('start', 'stop')).toBe('start a, start b, stop b, start c');
});

it('a busy model is never cut: its stream ends whole, and then the other starts', async () => {
  await all.start(oneCard, all.model('a', large) + all.model('b', large));
  const stream = all.ask('a', { stream: true, holdMs: 1_500 });
  await until(() => stream.text).toContain('"a"');
  const waiting = all.answer('b');
  await until(async () => (await all.view()).waiting).toMatchObject([
    { model: 'b', reason: expect.stringMatching(/\ba\b.*busy/) },
  ]);
  expect((await all.stateOf('b')).step).toBe('waiting for room');
  expect(await stream.end).toBe('whole');
  expect(stream.text).toMatch(/data: \[DONE\]\n\n$/);
  await waiting;
  expect(all.told('start', 'stop')).toBe('start a, stop a, start b');
});

it('requests to a loaded model go before: ABAB is AABB', { timeout: 60_000 }, async () => {
  const slow = `${large}\n    concurrency: 1`;
  await all.start(oneCard, all.model('a', slow) + all.model('b', slow));
  await all.answer('a');
  const asked = ['a', 'b', 'a', 'b', 'a', 'b'].map((model) => all.answer(model, { holdMs: 300 }));
  await Promise.all(asked);
  const served = all.ledger.filter(({ what }) => what === 'request').map(({ model }) => model);
  expect(served.join('')).toBe('aaaabbb');
  expect(all.told('start', 'stop')).toBe('start a, stop a, start b');
});

it('a waiter is passed for maxPass at most', { timeout: 60_000 }, async () => {
  const rest = `${oneCard}\nswap: { maxPass: 1s }`;
  await all.start(rest, all.model('a', large) + all.model('b', large));
  await all.answer('a');
  // There is always one that runs, until no new one is taken.
  const asked: Promise<object>[] = [];
  const askOfA = () => asked.push(all.answer('a', { holdMs: 800 }));
  askOfA();
  const busy = setInterval(askOfA, 200);
  const beganMs = performance.now();
  await all.answer('b').finally(() => clearInterval(busy));
  const waitedMs = performance.now() - beganMs;
  await Promise.all(asked);
  expect(waitedMs).toBeGreaterThanOrEqual(1_000);
  // Room for the requests that ran then, and for the start of b.
  expect(waitedMs).toBeLessThan(8_000);
  expect(all.told('start', 'stop')).toMatch(/^start a, stop a, start b/);
});

it('members of a persistent group are never made to go', async () => {
  const rest = `${oneCard}\ngroups: { kept: { members: [a], persistent: true } }`;
  await all.start(rest, all.model('a', `${large}\n    scale: { idle: 2s }`) + all.model('b', large));
  await all.answer('a');
  const beganMs = performance.now();
  await all.answer('b');
  // By its own idle time alone.
  expect(performance.now() - beganMs).toBeGreaterThan(1_500);
  expect(await all.metrics()).not.toMatch(/pilotlight_evictions_total\{model="a"\} [1-9]/);
});

it('while a member of an exclusive group runs, nobody outside of it does', async () => {
  const rest = 'gpus: [{ id: 0, memory: 24GiB }]\ngroups: { alone: { members: [a, b], exclusive: true } }';
  const small = 'needs: { memory: 1GiB }';
  await all.start(rest, all.model('a', small) + all.model('b', small) + all.model('c', small));
  await all.answer('c');
  await all.answer('a');
  await all.answer('b');
  expect(all.told('start', 'stop')).toBe('start c, stop c, start a, start b');
  await all.answer('c');
  expect(all.told('start', 'stop')).toMatch(/start b, stop [ab], stop [ab], start c$/);
});

it('no more models start at the same time than scale.maxStarting says', async () => {
  const models = ['a', 'b', 'c'].map((name) => all.model(name, '', { loadMs: 500 })).join('');
  await all.start('scale: { maxStarting: 1 }', models);
  const beganMs = performance.now();
  const answers = await Promise.all(['a', 'b', 'c'].map((name) => all.answer(name)));
  // No model has needs: none is told of GPUs.
  expect(answers.map(({ seen }) => seen)).toEqual([null, null, null]);
  expect(performance.now() - beganMs).toBeGreaterThanOrEqual(1_500);
});
