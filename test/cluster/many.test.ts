import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deployment } from './support/cluster.ts';
import { hasSuite } from './support/kubectl.ts';
import { Stage, scaleWrites } from './support/stage.ts';

let stage: Stage;

beforeEach(async () => {
  if (hasSuite) stage = await Stage.open();
});
afterEach(async () => {
  if (hasSuite) await stage.close();
});

describe.runIf(hasSuite)('many who ask at once', () => {
  it('are answered by one scale patch where one replica has room for all', async () => {
    stage.place.apply(deployment({ name: 'llama', gpus: 0, script: { 'pull-ms': 300 } }));
    await stage.serve({ name: 'llama' });
    const before = scaleWrites();
    const answers = await Promise.all(Array.from({ length: 50 }, () => stage.ask('llama')));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(scaleWrites() - before).toBe(1);
    expect(stage.asked('llama')).toBe(1);
    expect((await stage.view('llama')).lastStarts).toHaveLength(1);
  });

  it('are each answered by their own of a hundred models, with one patch for each', async () => {
    const names = Array.from({ length: 100 }, (_, index) => `model-${index}`);
    stage.place.apply(names.flatMap((name) => deployment({ name, gpus: 0 })));
    await stage.serve(...names.map((name) => ({ name })));
    const before = scaleWrites();
    const answers = await Promise.all(names.map((name) => stage.ask(name)));
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect(scaleWrites() - before).toBe(100);
    const starts = await Promise.all(names.map((name) => stage.lastStart(name)));
    expect(new Set(starts.map((start) => start?.outcome))).toEqual(new Set(['ready']));
    const pods = new Set(starts.map((start) => start?.replicaId));
    expect(pods.size).toBe(100);
  }, 120_000);
});
