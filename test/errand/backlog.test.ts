import { afterEach, expect, it } from 'vitest';
import { answerJson, startBackend } from '../support/backend.ts';
import { type DataPath, openDataPath } from '../support/data-path.ts';
import { settingsOf } from '../support/gateway.ts';
import { fixedModel, processModel } from '../support/world.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function pathOf(models: string): Promise<DataPath> {
  const path = await openDataPath(settingsOf(models));
  closers.push(() => path.close());
  return path;
}

const jobsOf = (path: DataPath) => path.roster.find('m')!.gate.jobs;
const stateOf = (path: DataPath) => path.roster.find('m')!.wakeInfo().state;

it('queued jobs wake their model, also one that refuses requests while it is cold, and keep it up', async () => {
  const path = await pathOf(processModel(50, 'cold: reject\n    scale: { idle: 300ms, minUp: 0 }'));
  const spare: number[] = [];
  jobsOf(path).onSpare = () => spare.push(jobsOf(path).spare);
  jobsOf(path).queued = 2;
  await expect.poll(() => stateOf(path), { timeout: 10_000 }).toBe('ready');
  expect(spare.at(-1)).toBe(100);
  const idle = Promise.withResolvers<void>();
  setTimeout(() => idle.resolve(), 900);
  await idle.promise;
  expect(stateOf(path)).toBe('ready');
  jobsOf(path).queued = 0;
  await expect.poll(() => stateOf(path), { timeout: 10_000 }).toBe('cold');
});

it('queued jobs ask for as many replicas as waiting requests would', async () => {
  const path = await pathOf(processModel(0, 'concurrency: 1\n    scale: { max: 3 }'));
  jobsOf(path).queued = 3;
  await expect.poll(() => path.roster.snapshotOf('m')!.replicas.length, { timeout: 10_000 }).toBe(3);
});

it('jobs come to the revision that follows, and a model that leaves the configuration waits for none', async () => {
  const backends = [await startBackend(answerJson), await startBackend(answerJson)];
  for (const backend of backends) closers.push(() => backend.close());
  const [before, after] = backends.map(({ url }) => settingsOf(fixedModel([url], 'concurrency: 2')));
  const path = await openDataPath(before!);
  closers.push(() => path.close());
  const old = jobsOf(path);
  let told = 0;
  old.onSpare = () => told++;
  old.queued = 4;
  await expect.poll(() => old.spare).toBe(2);
  path.roster.apply(after!);
  await expect.poll(() => jobsOf(path) !== old && jobsOf(path).spare, { timeout: 10_000 }).toBe(2);
  expect([old.queued, jobsOf(path).queued]).toEqual([0, 4]);
  expect(told).toBeGreaterThan(1);
  const leaving = jobsOf(path);
  path.roster.apply({ ...after!, models: new Map() });
  expect(leaving.queued).toBe(0);
});
