import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RawClient, rawRequest } from '../support/raw-client.ts';
import { deployment } from './support/cluster.ts';
import { hasSuite } from './support/kubectl.ts';
import { Stage, scaleWrites } from './support/stage.ts';

let stage: Stage;
const pods = () => stage.place.list('pods').length;
/** Played backends make 1,000 tokens a second. */
const busyForMs = (ms: number) => ({ max_tokens: ms, ignore_eos: true });

const chatOf = (ms: number) => {
  const body = JSON.stringify({ model: 'llama', messages: [], ...busyForMs(ms) });
  return rawRequest('/v1/chat/completions', body, 'content-type: application/json\r\n');
};

/** Clients that have connected already: what they send arrives at the same moment. */
async function crowd(count: number): Promise<RawClient[]> {
  const clients = Array.from({ length: count }, () => new RawClient(stage.gateway.url));
  await Promise.all(clients.map(({ socket }) => once(socket, 'connect')));
  return clients;
}

beforeEach(async () => {
  if (hasSuite) stage = await Stage.open();
});
afterEach(async () => {
  if (hasSuite) await stage.close();
});

describe.runIf(hasSuite)('the count of a model', () => {
  it('goes from 0 to 1 with the first request, to N under load, and to 0 when nobody asks', async () => {
    stage.place.apply(deployment({ name: 'llama', gpus: 1 }));
    await stage.serve({ name: 'llama', concurrency: 1, scale: 'max: 3, idle: 2s' });
    const first = await stage.ask('llama');
    expect(first.status).toBe(200);
    expect(Number(first.headers.get('x-pilotlight-cold-start'))).toBeGreaterThan(0);
    expect(stage.asked('llama')).toBe(1);
    const load = [1, 2, 3].map(() => stage.ask('llama', busyForMs(3_000)));
    await expect.poll(() => stage.asked('llama')).toBe(3);
    const answers = await Promise.all(load);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    const endedAtMs = performance.now();
    const { replicas } = await stage.view('llama');
    expect(replicas.filter(({ state }) => state === 'ready')).toHaveLength(3);
    await expect.poll(() => stage.asked('llama')).toBe(0);
    // kubectl takes a while to say so.
    expect(performance.now() - endedAtMs).toBeGreaterThan(1_900);
    expect(performance.now() - endedAtMs).toBeLessThan(6_000);
    await expect.poll(pods).toBe(0);
    expect((await stage.ask('llama')).status).toBe(200);
  });

  it('goes at once to what a deep queue needs, never one by one', async () => {
    stage.place.apply(deployment({ name: 'llama', gpus: 1, script: { 'pull-ms': 1_000 } }));
    await stage.serve({ name: 'llama', concurrency: 2, scale: 'max: 5, idle: 1h' });
    const before = scaleWrites();
    const clients = await crowd(10);
    for (const { socket } of clients) socket.write(chatOf(500));
    await expect.poll(async () => (await stage.view('llama')).queue.waiting).toBe(10);
    await expect.poll(() => stage.asked('llama')).toBe(5);
    const answers = await Promise.all(clients.map((client) => client.answer()));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    // For the first, for those that came while that was written, and for the last of them; never for each of five.
    expect(scaleWrites() - before).toBeLessThanOrEqual(3);
    const { replicas } = await stage.view('llama');
    expect(replicas.filter(({ state }) => state === 'ready')).toHaveLength(5);
  });

  it('goes no higher than max, however many wait', async () => {
    stage.place.apply(deployment({ name: 'llama', gpus: 0, script: { 'pull-ms': 500 } }));
    await stage.serve({ name: 'llama', concurrency: 2, scale: 'max: 2, idle: 1h' });
    const answers = await Promise.all(Array.from({ length: 20 }, () => stage.ask('llama')));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(stage.asked('llama')).toBe(2);
    expect(pods()).toBe(2);
  });
});
