import { expect, it } from 'vitest';
import { checkNeeds, parseSharedGpus } from '../../src/simulate/shared-gpus.ts';
import { play, type Request, secondsOf } from './scenario.ts';

const gib = 1024 ** 3;
const shared = (gpus: string, needs: readonly string[] = [], maxPassMs = 120_000) =>
  parseSharedGpus(gpus, needs, maxPassMs);

it('reads GPUs and what models need of them', () => {
  const { gpus, needs, needsByModel } = shared('2x24GiB,80GiB', ['20GiB', 'big=2x40GiB', 'a=b=1GiB']);
  expect(gpus.map(({ id, memoryBytes }) => [id, memoryBytes / gib])).toEqual([
    ['0', 24],
    ['1', 24],
    ['2', 80],
  ]);
  expect(needs).toMatchObject({ gpus: 1, memoryBytes: 20 * gib });
  expect(needsByModel.get('big')).toMatchObject({ gpus: 2, memoryBytes: 40 * gib });
  expect(needsByModel.get('a=b')).toMatchObject({ gpus: 1, memoryBytes: gib });
});

it.each(['24', '0x24GiB', 'x24GiB', '24GiB,', '', '1e9x1GiB'])('refuses GPUs written as "%s"', (text) => {
  expect(() => shared(text)).toThrow('is not a size such as 24GiB or 2x24GiB');
});

it('refuses a model that could never be started, and the needs of one that there is not', () => {
  expect(() => checkNeeds(shared('2x24GiB', ['a=40GiB']), ['a', 'b'])).toThrow(
    'model "a" needs more than the GPUs 2x24GiB have',
  );
  expect(() => checkNeeds(shared('2x24GiB', ['a=3x1GiB']), ['a'])).toThrow('model "a" needs more');
  expect(() => checkNeeds(shared('2x24GiB', ['c=1GiB']), ['a'])).toThrow('--needs names "c"');
  expect(() => checkNeeds(shared('2x24GiB', ['a=2x24GiB']), ['a', 'b'])).not.toThrow();
});

it('counts those that go for another, and waits for their room', async () => {
  // a is there from 10 s to 12 s at work; at 20 s b comes, a goes at once, and b is there at 30 s.
  const figures = await play(
    [
      [0, 2, 'a'],
      [20, 5, 'b'],
    ],
    { gpus: shared('24GiB', ['20GiB']) },
  );
  expect(figures).toMatchObject({ starts: 2, evictions: 1, refused: 0 });
  expect(figures.models.map(({ model, evictions, waitMs }) => [model, evictions, waitMs?.mean])).toEqual([
    ['a', 1, 10_000],
    ['b', 0, 10_000],
  ]);
  expect(secondsOf(figures.models[0]!)).toEqual({ loading: 10, busy: 2, idle: 8 });
});

it('evicts nobody where both fit, or where there are always enough', async () => {
  const requests: Request[] = [
    [0, 2, 'a'],
    [20, 5, 'b'],
  ];
  for (const gpus of [shared('48GiB', ['20GiB']), shared('2x24GiB')])
    expect(await play(requests, { gpus })).toMatchObject({ starts: 2, evictions: 0 });
  expect(await play(requests)).toMatchObject({ starts: 2, evictions: 0 });
});

it('has whoever waits wait for a busy model, until it falls idle', async () => {
  // a works from 10 s to 110 s; b, asked for at 20 s, loads from then on. Let go at 185 s, it loads once more at 200 s.
  const figures = await play(
    [
      [0, 100, 'a'],
      [20, 5, 'b'],
      [200, 5, 'b'],
    ],
    { gpus: shared('24GiB', ['20GiB']) },
  );
  expect(figures.models[1]?.waitMs?.mean).toBeCloseTo(55_000, -2);
  expect(figures).toMatchObject({ evictions: 1 });
});

it('lets a busy model go when another was passed for maxPass, after its last request', async () => {
  const stream: Request[] = Array.from({ length: 60 }, (_, at) => [at * 5, 8, 'a']);
  const gpus = shared('24GiB', ['20GiB'], 30_000);
  const { models } = await play([...stream, [100, 5, 'b']], { gpus });
  // Passed until 130 s; a's last request ends by 138 s, and b has loaded 10 s later.
  expect(models[1]?.waitMs?.mean).toBeGreaterThan(40_000);
  expect(models[1]?.waitMs?.mean).toBeLessThan(49_000);
  expect(models[0]).toMatchObject({ requests: 60, evictions: 1 });
});

it('keeps models that are asked often, and lets those go that are not', async () => {
  const often = (model: string): Request[] => Array.from({ length: 40 }, (_, at) => [at * 60 + 1, 2, model]);
  const seldom: Request[] = Array.from({ length: 8 }, (_, at) => [at * 300 + 150, 2, `rare-${at % 2}`]);
  const requests = [...often('a'), ...seldom].toSorted(([a], [b]) => a - b);
  const { models } = await play(requests, { policy: 'fixed:1h', gpus: shared('2x24GiB', ['20GiB']) });
  const evictionsOf = (name: string) => models.find(({ model }) => model === name)!.evictions;
  expect(evictionsOf('a')).toBe(0);
  expect(evictionsOf('rare-0') + evictionsOf('rare-1')).toBe(7);
});
