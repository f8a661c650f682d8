import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deployment } from './support/cluster.ts';
import { livingPods } from './support/pods.ts';
import { Stage } from './support/stage.ts';

/** Played pods sleep as vLLM does: a request that comes meanwhile is their end. */
let stage: Stage;

beforeEach(async () => {
  stage = await Stage.open();
  stage.place.apply(deployment({ name: 'llama', gpus: 0 }));
});
afterEach(() => stage.close());

/** vLLM's own, for rungs that are no presets. */
const check = `check: { get: /is_sleeping, asleep: '"is_sleeping":true' }`;
const waits = { timeout: 30_000, interval: 50 };
const state = async () => (await stage.view('llama')).state;
const rungs = async () => (await stage.view('llama')).replicas.map(({ rung }) => rung);
const podUids = () => livingPods(stage.place).map(({ uid }) => uid);

/** A model that was asked once, on its one pod. */
async function awake(scale: string): Promise<string> {
  await stage.serve({ name: 'llama', scale });
  expect(await stage.ask('llama')).toMatchObject({ status: 200 });
  const [uid = '', ...others] = podUids();
  expect(others).toEqual([]);
  return uid;
}

async function saysAsleep(): Promise<boolean> {
  const [pod] = livingPods(stage.place);
  const answer = (await (await fetch(`${pod!.origin}/is_sleeping`)).json()) as { is_sleeping: boolean };
  return answer.is_sleeping;
}

describe('a pod on the ladder', { timeout: 120_000 }, () => {
  it('sleeps when it is idle, keeps its place, and is woken by the next request', async () => {
    const uid = await awake('ladder: [{ preset: vllm-1, after: 500ms }]');
    await expect.poll(rungs, waits).toEqual(['vllm-1']);
    expect([await state(), await saysAsleep(), stage.asked('llama')]).toEqual(['asleep', true, 1]);
    expect(await stage.ask('llama')).toMatchObject({ status: 200 });
    expect([podUids(), stage.asked('llama')]).toEqual([[uid], 1]);
    expect((await stage.view('llama')).lastStarts).toHaveLength(1);
  });

  it('goes down to the second level, whose way up reads the weights', async () => {
    const uid = await awake('ladder: [{ preset: vllm-1, after: 300ms }, { preset: vllm-2, after: 1s }]');
    await expect.poll(rungs, waits).toEqual(['vllm-2']);
    expect(await stage.ask('llama')).toMatchObject({ status: 200 });
    expect(podUids()).toEqual([uid]);
  });

  it('is found asleep by a gateway that is started again, which sends it nothing before it is awake', async () => {
    const ladder = 'ladder: [{ preset: vllm-1, after: 500ms }]';
    const uid = await awake(ladder);
    await expect.poll(rungs, waits).toEqual(['vllm-1']);
    await stage.quit();
    await stage.serve({ name: 'llama', scale: ladder });
    await expect.poll(state, waits).toBe('asleep');
    expect([await rungs(), await saysAsleep()]).toEqual([['vllm-1'], true]);
    expect(await stage.ask('llama')).toMatchObject({ status: 200 });
    expect(podUids()).toEqual([uid]);
  });

  it('ends when its idle time is over, asleep as it is', async () => {
    await awake('idle: 3s, ladder: [{ preset: vllm-1, after: 500ms }]');
    await expect.poll(rungs, waits).toEqual(['vllm-1']);
    await expect.poll(() => stage.asked('llama'), waits).toBe(0);
    await expect.poll(podUids, waits).toEqual([]);
  });

  it('gives way to another pod when it does not wake, and the request is answered', async () => {
    const rung = `name: lost, after: 500ms, sleep: { post: "/sleep?level=1" }, wake: { post: /no-such-way }, ${check}`;
    const uid = await awake(`ladder: [{ ${rung} }]`);
    await expect.poll(rungs, waits).toEqual(['lost']);
    expect(await stage.ask('llama')).toMatchObject({ status: 200 });
    expect(podUids()).not.toContain(uid);
  });

  it('stays awake when it has no sleep mode', async () => {
    const rung = `name: none, after: 500ms, sleep: { post: /no-such-way }, wake: { post: /wake_up }, ${check}`;
    const uid = await awake(`ladder: [{ ${rung} }]`);
    const failures = async () =>
      /pilotlight_failed_sleeps_total\{model="llama",rung="none"\} [1-9]/.test(
        await (await fetch(`${stage.gateway.adminUrl}/metrics`)).text(),
      );
    await expect.poll(failures, waits).toBe(true);
    expect(await stage.ask('llama')).toMatchObject({ status: 200 });
    expect(podUids()).toEqual([uid]);
  });
});
