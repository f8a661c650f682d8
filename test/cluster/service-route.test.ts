import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deployment } from './support/cluster.ts';
import { allPods, livingPods, runningOf } from './support/pods.ts';
import { type Answer, Stage, scaleWrites } from './support/stage.ts';

interface Manifest {
  readonly kind: string;
  readonly spec: object;
}

interface Workload extends Manifest {
  readonly spec: { readonly template: { readonly metadata: { readonly labels: object } } };
}

let stage: Stage;

/** Played backends make 1,000 tokens a second. */
const lasting = (ms: number) => ({ max_tokens: ms, ignore_eos: true, stream: true });

/** A stream that came to its end. */
const whole = ({ status, text }: Answer) => status === 200 && text.trimEnd().endsWith('data: [DONE]');

const throughService = { name: 'llama', backend: 'service: llama\n      route: service' };

/** As Istio's injector leaves a pod. */
function meshed([workload, service]: readonly object[]): object[] {
  const { spec, ...rest } = workload as Workload;
  const { template } = spec;
  const labels = { ...template.metadata.labels, 'security.istio.io/tlsMode': 'istio' };
  const metadata = { ...template.metadata, labels };
  return [{ ...rest, spec: { ...spec, template: { ...template, metadata } } }, service!];
}

function headless([workload, service]: readonly object[]): object[] {
  const { spec, ...rest } = service as Manifest;
  return [workload!, { ...rest, spec: { ...spec, clusterIP: 'None' } }];
}

async function ready() {
  const { replicas } = await stage.view('llama');
  return replicas.filter(({ state }) => state === 'ready');
}

beforeEach(async () => {
  stage = await Stage.open();
});
afterEach(() => stage.close());

describe('a cold model is served through its Service, from 0 to 1 and back to 0', () => {
  it.each([
    {
      how: 'that is set',
      backend: 'service: llama\n      route: service',
      lay: (all: object[]) => all,
      port: 80,
    },
    { how: 'that the marks of Istio demand', backend: 'service: llama', lay: meshed, port: 80 },
    { how: 'that is headless', backend: 'service: llama\n      route: service', lay: headless, port: 8000 },
  ])('$how', async ({ backend, lay, port }) => {
    stage.place.apply(lay(deployment({ name: 'llama', gpus: 0, script: { 'load-ms': 300 } })));
    await stage.serve({ name: 'llama', backend, scale: 'idle: 2s' });
    for (const turn of [1, 2]) {
      expect(await stage.ask('llama'), `turn ${turn}`).toMatchObject({ status: 200 });
      expect((await ready()).map(({ origin }) => origin)).toEqual([
        `http://llama.${stage.place.name}.svc:${port}`,
      ]);
      expect(stage.asked('llama')).toBe(1);
      await expect.poll(() => stage.asked('llama')).toBe(0);
      await expect.poll(() => livingPods(stage.place)).toEqual([]);
    }
  });
});

describe('several pods behind a Service', () => {
  it('share the load, and run no more together than the limit of each allows', async () => {
    stage.place.apply(deployment({ name: 'llama', gpus: 0 }));
    await stage.serve({ ...throughService, concurrency: 2, scale: 'min: 3, max: 3, idle: 1h' });
    await expect.poll(ready).toHaveLength(3);
    const pods = livingPods(stage.place);
    const answers = Array.from({ length: 12 }, () => stage.ask('llama', lasting(6_000)));
    const running = () => Promise.all(pods.map(runningOf));
    const sum = async () => (await running()).reduce((total, count) => total + count);
    await expect.poll(sum).toBe(6);
    // The last of the twelve may still be on its way.
    await expect.poll(() => stage.view('llama')).toMatchObject({ inFlight: 6, queue: { waiting: 6 } });
    expect(await sum()).toBe(6);
    expect(Math.min(...(await running()))).toBeGreaterThan(0);
    expect((await Promise.all(answers)).every(whole)).toBe(true);
  });

  it('are not ended while one of them has a request, since nobody knows which', async () => {
    stage.place.apply(deployment({ name: 'llama', gpus: 0, script: { 'drain-ms': 10 } }));
    await stage.serve({ ...throughService, concurrency: 1, scale: 'max: 3, idle: 1s' });
    const short = [1, 2].map(() => stage.ask('llama', lasting(1_000)));
    const long = stage.ask('llama', lasting(20_000));
    await expect.poll(ready).toHaveLength(3);
    expect((await Promise.all(short)).every(whole)).toBe(true);
    // Longer than the idle time: of pods that could be told apart, the idle ones would have ended.
    await pause(3_000);
    expect(await stage.view('llama')).toMatchObject({ inFlight: 1, removal: 'unknown' });
    expect(livingPods(stage.place)).toHaveLength(3);
    expect(whole(await long)).toBe(true);
    await expect.poll(() => stage.asked('llama')).toBe(0);
  });

  it('are replaced under load without a failed request, and new ones get theirs', async () => {
    const script = { 'drain-ms': 1_500, 'load-ms': 200 };
    stage.place.apply(deployment({ name: 'llama', gpus: 0, replicas: 2, script }));
    await stage.serve({ ...throughService, scale: 'min: 2, max: 2, idle: 1h' });
    await expect.poll(ready).toHaveLength(2);
    const before = livingPods(stage.place).map(({ uid }) => uid);
    const writes = scaleWrites();
    const answers: Promise<Answer>[] = [];
    const timer = setInterval(() => answers.push(stage.ask('llama', lasting(400))), 50);
    try {
      await expect.poll(() => answers.length).toBeGreaterThan(10);
      stage.place.kubectl(['set', 'image', 'deployment/llama', 'server=registry.example/vllm:v2']);
      const isReplaced = () => {
        const pods = allPods(stage.place);
        return pods.length === 2 && pods.every(({ uid }) => !before.includes(uid));
      };
      await expect.poll(isReplaced, { interval: 250 }).toBe(true);
      const pods = livingPods(stage.place);
      const running = () => Promise.all(pods.map(runningOf));
      await expect.poll(async () => (await running()).every((count) => count > 0)).toBe(true);
    } finally {
      clearInterval(timer);
    }
    const all = await Promise.all(answers);
    const failed = all.filter((answer) => !whole(answer));
    expect(failed.map(({ status, text }) => `${status} ${text.slice(-200)}`)).toEqual([]);
    expect(all.length).toBeGreaterThan(30);
    expect(scaleWrites()).toBe(writes);
    expect(stage.asked('llama')).toBe(2);
  });
});
