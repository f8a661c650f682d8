import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Exchange } from '../support/exchange.ts';
import { deployment } from './support/cluster.ts';
import { livingPods, runningOf } from './support/pods.ts';
import { Stage } from './support/stage.ts';

let stage: Stage;

/** A stream straight to a pod, of so many milliseconds: played backends make 1,000 tokens a second. */
function past(origin: string, ms: number): Exchange {
  const messages = [{ role: 'user', content: 'Hello' }];
  const body = { model: 'llama', messages, max_tokens: ms, ignore_eos: true, stream: true };
  return new Exchange(`${origin}/v1/chat/completions`, body);
}

async function isWhole(stream: Exchange): Promise<boolean> {
  return (await stream.end) === 'whole' && stream.text.trimEnd().endsWith('data: [DONE]');
}

const throughService = 'service: llama\n      route: service';

const decision = async () => (await stage.view('llama')).decision;

beforeEach(async () => {
  stage = await Stage.open();
});
afterEach(() => stage.close());

describe('a pod that serves clients past the gateway', () => {
  it.each([
    { route: 'pod', backend: '' },
    { route: 'service', backend: throughService },
  ])('is not ended while its own gauge says that it runs something (route: $route)', async ({ backend }) => {
    stage.place.apply(deployment({ name: 'llama', gpus: 0 }));
    await stage.serve({ name: 'llama', backend, scale: 'idle: 1s' });
    expect(await stage.ask('llama')).toMatchObject({ status: 200 });
    const [pod] = livingPods(stage.place);
    const stream = past(pod!.origin, 8_000);
    await stream.until(/data/);
    await expect.poll(decision).toBe('kept: 1 running past the gateway');
    expect(stage.asked('llama')).toBe(1);
    expect(await isWhole(stream)).toBe(true);
    await expect.poll(() => stage.asked('llama')).toBe(0);
  });

  it('keeps those that were to end with it', async () => {
    stage.place.apply(deployment({ name: 'llama', gpus: 0 }));
    await stage.serve({ name: 'llama', concurrency: 1, scale: 'max: 2, idle: 1s' });
    const both = [1, 2].map(() => stage.ask('llama', { max_tokens: 1_000, ignore_eos: true }));
    await expect.poll(async () => (await stage.view('llama')).inFlight).toBe(2);
    const pods = livingPods(stage.place);
    const stream = past(pods[1]!.origin, 8_000);
    await stream.until(/data/);
    for (const answer of await Promise.all(both)) expect(answer.status).toBe(200);
    await expect.poll(decision).toBe('kept: 1 running past the gateway');
    expect(await runningOf(pods[1]!)).toBe(1);
    expect(stage.asked('llama')).toBe(2);
    expect(await stage.ask('llama')).toMatchObject({ status: 200 });
    expect(await isWhole(stream)).toBe(true);
    await expect.poll(() => stage.asked('llama')).toBe(0);
  });

  it('keeps all behind a Service, though only some were to end: who would is not known', async () => {
    stage.place.apply(deployment({ name: 'llama', gpus: 0, replicas: 2 }));
    await stage.serve({ name: 'llama', backend: throughService, scale: 'min: 1, max: 2, idle: 1s' });
    const ready = async () => (await stage.view('llama')).replicas.filter(({ state }) => state === 'ready');
    await expect.poll(ready).toHaveLength(2);
    const stream = past(livingPods(stage.place)[0]!.origin, 8_000);
    await stream.until(/data/);
    await expect.poll(decision).toBe('kept: 1 running past the gateway');
    expect(stage.asked('llama')).toBe(2);
    expect(await isWhole(stream)).toBe(true);
    await expect.poll(() => stage.asked('llama')).toBe(1);
  });

  it('is ended under them where the model says that its gauge is not to be asked', async () => {
    stage.place.apply(deployment({ name: 'llama', gpus: 0 }));
    await stage.serve({ name: 'llama', scale: 'idle: 1s, gauge: false' });
    expect(await stage.ask('llama')).toMatchObject({ status: 200 });
    const [pod] = livingPods(stage.place);
    const stream = past(pod!.origin, 20_000);
    await stream.until(/data/);
    await expect.poll(() => stage.asked('llama')).toBe(0);
    expect(await stream.end).toBe('cut');
  });
});
