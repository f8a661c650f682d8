import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deployment } from './support/cluster.ts';
import { type Answer, Stage } from './support/stage.ts';

interface Pod {
  metadata: { name: string; deletionTimestamp?: string };
  status: { conditions?: { type: string; status: string }[] };
}

let stage: Stage;

/** Played backends make 1,000 tokens a second. */
const lasting = (ms: number) => ({ max_tokens: ms, ignore_eos: true, stream: true });
const whole = ({ status, text, isCut }: Answer) =>
  status === 200 && !isCut && text.trimEnd().endsWith('data: [DONE]');
const pods = () => stage.place.list<Pod>('pods');
const inFlight = async () => (await stage.view('llama')).inFlight;
const isReadyThere = () =>
  pods()[0]?.status.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';

async function readyReplicas(): Promise<string[]> {
  const { replicas } = await stage.view('llama');
  return replicas.filter(({ state }) => state === 'ready').map(({ id }) => id);
}

beforeEach(async () => {
  stage = await Stage.open();
});
afterEach(() => stage.close());

describe('a pod that is deleted with a preStop, as docs/kubernetes.md has it', () => {
  const container = { lifecycle: { preStop: { sleep: { seconds: 2 } } } };
  /** preStop, the longest stream, 10 s. */
  const script = { 'drain-ms': 6_000 };
  const pod = { terminationGracePeriodSeconds: 18 };

  it('ends after its streams, and what comes meanwhile is served by the one that replaces it', async () => {
    stage.place.apply(deployment({ name: 'llama', gpus: 0, container, script, pod }));
    await stage.serve({ name: 'llama' });
    expect((await stage.ask('llama')).status).toBe(200);
    const [first] = await readyReplicas();
    const stream = stage.ask('llama', lasting(6_000));
    await expect.poll(inFlight).toBe(1);
    stage.place.kubectl(['delete', 'pod', pods()[0]!.metadata.name, '--wait=false']);
    await expect.poll(readyReplicas).not.toContain(first);
    const asked = await Promise.all([1, 2, 3].map(() => stage.ask('llama')));
    expect(asked.every(({ status }) => status === 200)).toBe(true);
    expect(await readyReplicas()).not.toContain(first);
    expect(await inFlight()).toBe(1);
    expect(whole(await stream)).toBe(true);
    expect(stage.asked('llama')).toBe(1);
  });

  it('loses a stream that is longer than its grace: that is what the grace is for', async () => {
    const short = { terminationGracePeriodSeconds: 3 };
    stage.place.apply(deployment({ name: 'llama', gpus: 0, container, script, pod: short }));
    await stage.serve({ name: 'llama' });
    expect((await stage.ask('llama')).status).toBe(200);
    const stream = stage.ask('llama', lasting(20_000));
    await expect.poll(inFlight).toBe(1);
    stage.place.kubectl(['delete', 'pod', pods()[0]!.metadata.name, '--wait=false']);
    const answer = await stream;
    expect(answer.status).toBe(200);
    expect(whole(answer)).toBe(false);
  });
});

describe('a ready pod that its kubelet calls unready', () => {
  /** Started, served once, and unready since; resolves when the cluster says so. */
  async function makeUnready(trust: string): Promise<void> {
    stage.place.apply(deployment({ name: 'llama', gpus: 0, script: { 'probe-ms': 100 } }));
    await stage.serve({ name: 'llama', ready: `trust: ${trust}` });
    expect((await stage.ask('llama')).status).toBe(200);
    await expect.poll(isReadyThere).toBe(true);
    annotate('played.pilotlight.dev/unready=true');
    await expect.poll(isReadyThere).toBe(false);
  }
  const annotate = (text: string) => stage.place.kubectl(['annotate', 'pod', pods()[0]!.metadata.name, text]);

  it('goes on serving where the own probe is trusted', async () => {
    await makeUnready('own');
    // Longer than the gateway needs to see it.
    await pause(1_000);
    expect(await readyReplicas()).toHaveLength(1);
    const answers = await Promise.all([1, 2, 3].map(() => stage.ask('llama')));
    expect(answers.every(({ status, tookMs }) => status === 200 && tookMs < 1_000)).toBe(true);
  });

  it.each(['kubernetes', 'both'])(
    'gets no request where trust is %s, until it is ready again',
    async (trust) => {
      await makeUnready(trust);
      await expect.poll(readyReplicas).toEqual([]);
      let isAnswered = false;
      const waiter = stage.ask('llama').finally(() => {
        isAnswered = true;
      });
      await pause(1_000);
      expect(isAnswered).toBe(false);
      annotate('played.pilotlight.dev/unready-');
      expect(await waiter).toMatchObject({ status: 200 });
      expect(pods()).toHaveLength(1);
      expect(stage.asked('llama')).toBe(1);
    },
  );

  it.each(['kubernetes', 'both'])('finishes its streams where trust is %s', async (trust) => {
    stage.place.apply(deployment({ name: 'llama', gpus: 0, script: { 'probe-ms': 100 } }));
    await stage.serve({ name: 'llama', ready: `trust: ${trust}` });
    const stream = stage.ask('llama', lasting(4_000));
    await expect.poll(inFlight).toBe(1);
    annotate('played.pilotlight.dev/unready=true');
    await expect.poll(readyReplicas).toEqual([]);
    expect(await inFlight()).toBe(1);
    expect(whole(await stream)).toBe(true);
  });
});
