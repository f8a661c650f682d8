import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { control, deployment } from './support/cluster.ts';
import { type Answer, Stage, scaleWrites } from './support/stage.ts';

let stage: Stage;

/** Played backends make 1,000 tokens a second. */
const lasting = (ms: number) => ({ max_tokens: ms, ignore_eos: true, stream: true });

/** Names of the pods that are there and were not told to end. */
const pods = () =>
  stage.place
    .list<{ metadata: { name: string; deletionTimestamp?: string } }>('pods')
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ metadata }) => metadata.name);

/** A stream that came to its end. */
const whole = ({ status, text }: Answer) => status === 200 && text.trimEnd().endsWith('data: [DONE]');

async function readyReplicas(): Promise<string[]> {
  const { replicas } = await stage.view('llama');
  return replicas.filter(({ state }) => state === 'ready').map(({ id }) => id);
}

/** How often the gateway has listed a collection for that reason. */
async function relists(reason: string): Promise<number> {
  const text = await (await fetch(`${stage.gateway.adminUrl}/metrics`)).text();
  const [, count] =
    new RegExp(`^pilotlight_cluster_lists_total\\{reason="${reason}"\\} (\\d+)$`, 'm').exec(text) ?? [];
  if (count === undefined) throw new Error(`no lists are counted for the reason ${reason}`);
  return Number(count);
}

/** Asks again and again, each `everyMs`, until `until` has ended; what came of each. */
async function flow(everyMs: number, until: Promise<unknown>): Promise<Answer[]> {
  const answers: Promise<Answer>[] = [];
  let isOver = false;
  const end = until.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    answers.push(stage.ask('llama', { max_tokens: 20 }));
    await pause(everyMs);
  }
  await end;
  return Promise.all(answers);
}

beforeEach(async () => {
  stage = await Stage.open();
});
afterEach(() => stage.close());

describe('no request fails', () => {
  it('while a new revision is rolled out under load, and the count is not touched', async () => {
    const script = { 'drain-ms': 500, 'load-ms': 200 };
    stage.place.apply(deployment({ name: 'llama', gpus: 0, replicas: 2, script }));
    await stage.serve({ name: 'llama', scale: 'min: 2, max: 2, idle: 1h' });
    await expect.poll(readyReplicas).toHaveLength(2);
    const before = pods();
    const writes = scaleWrites();
    const patch = { spec: { template: { metadata: { labels: { app: 'llama', version: 'v2' } } } } };
    const rollout = async () => {
      await pause(500);
      stage.place.kubectl(['patch', 'deployment', 'llama', '-p', JSON.stringify(patch)]);
      const isReplaced = () => pods().length === 2 && pods().every((name) => !before.includes(name));
      await expect.poll(isReplaced, { interval: 200 }).toBe(true);
      await pause(1_000);
    };
    const answers = await flow(50, rollout());
    expect(answers.length).toBeGreaterThan(40);
    expect(answers.filter(({ status }) => status !== 200).map(({ message }) => message)).toEqual([]);
    expect(scaleWrites()).toBe(writes);
    expect(stage.asked('llama')).toBe(2);
  });

  it('while the API server is killed, comes back and has forgotten its watches', async () => {
    stage.place.apply(deployment({ name: 'llama', gpus: 0 }));
    await stage.serve({ name: 'llama', concurrency: 2, scale: 'max: 3, idle: 1h' });
    expect((await stage.ask('llama')).status).toBe(200);
    const expired = await relists('expired');
    const outage = async () => {
      await control('apiserver/kill');
      await pause(7_000);
      await control('etcd/compact');
      await control('apiserver/start');
      // What its watches stood at is forgotten: the API server says 410, and they begin anew.
      await expect.poll(() => relists('expired')).toBeGreaterThan(expired);
      await expect.poll(async () => (await stage.view('llama')).isStale).toBe(false);
    };
    const answers = await flow(100, outage());
    expect(answers.filter(({ status }) => status !== 200).map(({ message }) => message)).toEqual([]);
    // It goes on as before: more are started when more are needed.
    const load = [1, 2, 3, 4, 5, 6].map(() => stage.ask('llama', lasting(3_000)));
    await expect.poll(readyReplicas).toHaveLength(3);
    expect((await Promise.all(load)).every(whole)).toBe(true);
  });

  it('that came for a cold model during an outage: it waits for the API server and the start', async () => {
    stage.place.apply(deployment({ name: 'llama', gpus: 0 }));
    await stage.serve({ name: 'llama', startup: '60s' });
    await control('apiserver/kill');
    const answer = stage.ask('llama');
    await pause(3_000);
    await control('apiserver/start');
    expect(await answer).toMatchObject({ status: 200 });
  });
});

describe('a count that goes down', () => {
  it('ends the idle pods of a Deployment, and no stream', async () => {
    stage.place.apply(deployment({ name: 'llama', gpus: 0, script: { 'drain-ms': 10 } }));
    await stage.serve({ name: 'llama', concurrency: 1, scale: 'max: 3, idle: 2s' });
    const inFlight = async () => (await stage.view('llama')).inFlight;
    const short = [1, 2].map(() => stage.ask('llama', lasting(4_000)));
    await expect.poll(inFlight).toBe(2);
    const long = stage.ask('llama', lasting(16_000));
    await expect.poll(readyReplicas).toHaveLength(3);
    await expect.poll(async () => (await stage.view('llama')).inFlight).toBe(3);
    const { replicas } = await stage.view('llama');
    expect((await Promise.all(short)).every(whole)).toBe(true);
    await expect.poll(() => pods().length).toBe(1);
    const busy = replicas.filter(({ id }) => id.includes(pods()[0]!));
    expect(busy).toHaveLength(1);
    expect(await stage.view('llama')).toMatchObject({ inFlight: 1, removal: 'victims' });
    expect(whole(await long)).toBe(true);
    await expect.poll(() => stage.asked('llama')).toBe(0);
  });

  it('is what somebody else asks for, and stays so until it is surplus', async () => {
    stage.place.apply(deployment({ name: 'llama', gpus: 0 }));
    await stage.serve({ name: 'llama', scale: 'max: 1, idle: 6s' });
    expect((await stage.ask('llama')).status).toBe(200);
    stage.place.scale('llama', 3);
    await expect.poll(readyReplicas).toHaveLength(3);
    expect(stage.asked('llama')).toBe(3);
    await expect.poll(() => stage.asked('llama')).toBe(0);
    stage.place.scale('llama', 1);
    await expect.poll(readyReplicas).toHaveLength(1);
    stage.place.scale('llama', 0);
    await expect.poll(readyReplicas).toHaveLength(0);
    expect((await stage.ask('llama')).status).toBe(200);
  });
});
