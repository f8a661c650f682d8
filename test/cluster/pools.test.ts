import { afterEach, beforeEach, expect, it } from 'vitest';
import { deployment } from './support/cluster.ts';
import { hasSuite } from './support/kubectl.ts';
import { Stage } from './support/stage.ts';

let stage: Stage;
beforeEach(async () => {
  if (!hasSuite) return;
  stage = await Stage.open();
  stage.sections = 'gpus: [{ pool: a100, count: 1 }]\nswap: { maxPass: 1s }';
  for (const name of ['a', 'b']) stage.place.apply(deployment({ name }));
});
afterEach(() => stage?.close());

const more = 'needs: { gpus: 1, pool: a100 }';
const bothModels = () =>
  stage.serve({ name: 'a', more, concurrency: 1 }, { name: 'b', more, concurrency: 1 });
const asked = () => [stage.asked('a'), stage.asked('b')];
const pending = () =>
  stage.place.list<{ status: { phase: string } }>('pods').filter(({ status }) => status.phase === 'Pending')
    .length;
const lasting = (ms: number) => ({ max_tokens: ms, ignore_eos: true, stream: true });

it.runIf(hasSuite)('a model of a full pool has the idle one go, and its pod waits for no node', async () => {
  await bothModels();
  expect(await stage.ask('a')).toMatchObject({ status: 200 });
  expect(asked()).toEqual([1, 0]);
  expect(await stage.ask('b')).toMatchObject({ status: 200 });
  expect(asked()).toEqual([0, 1]);
  expect(pending()).toBe(0);
});

it.runIf(hasSuite)('a busy one is served to its end before the other starts', async () => {
  await bothModels();
  const stream = stage.ask('a', lasting(3_000));
  await expect.poll(async () => (await stage.view('a')).inFlight, { timeout: 10_000 }).toBe(1);
  const other = stage.ask('b');
  await expect.poll(async () => (await stage.view('b')).detail, { timeout: 10_000 }).toContain('a');
  expect((await stage.view('b')).step).toBe('waiting for room');
  expect(asked()).toEqual([1, 0]);
  expect(await stream).toMatchObject({ status: 200, isCut: false });
  expect(await other).toMatchObject({ status: 200 });
  expect(asked()).toEqual([0, 1]);
});
