import { afterEach, describe, expect, it } from 'vitest';
import { chat, type Gateway, settingsOf } from '../support/gateway.ts';
import { type ModelView, operate, World } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

const script = `
  require('http').createServer((req, res) => req.resume().on('end', () => res.end('{}')))
    .listen(+process.argv[1], '127.0.0.1');
`;

/** A model that is ready as soon as its process listens. */
const quick = (name: string, more = '') => {
  const command = JSON.stringify([process.execPath, '-e', script, '{port}']);
  return `  ${name}: { backend: { driver: process, command: ${command}, stopGrace: 2s }, ${more} }\n`;
};
/** One that does not get ready in the time of a test. */
const slow = (name: string, more = '') =>
  `  ${name}: { backend: { driver: process, command: [sleep, "60", "{port}"] }, ${more} }\n`;
const gatewayOf = (...models: string[]) => world.gateway(`\n${models.join('')}`);

async function statesOf(gateway: Gateway): Promise<Record<string, string>> {
  const { models } = (await (await fetch(`${gateway.adminUrl}/api/models`)).json()) as {
    readonly models: readonly (ModelView & { readonly model: string })[];
  };
  return Object.fromEntries(models.map(({ model, state }) => [model, state]));
}

const wake = (gateway: Gateway, id: string) =>
  fetch(`${gateway.url}/v1/models/${id}/wake`, { method: 'POST' }).then(({ status }) => status);
const request = (gateway: Gateway, model: string) => fetch(`${gateway.url}/v1/chat/completions`, chat(model));
const viewOf = async (gateway: Gateway, name: string) =>
  (await (await fetch(`${gateway.adminUrl}/api/models/${name}`)).json()) as ModelView;
const operateOn = (gateway: Gateway, name: string, verb: string) =>
  fetch(`${gateway.adminUrl}/api/models/${name}/${verb}`, { method: 'POST' });
const until = (gateway: Gateway, states: object) =>
  expect.poll(() => statesOf(gateway), { timeout: 10_000, interval: 20 }).toMatchObject(states);

describe('a model with wakeWith', () => {
  it('wakes its companions in the same moment, and theirs, but no others', async () => {
    const gateway = await gatewayOf(
      slow('chat', 'wakeWith: [embed]'),
      slow('embedder', 'aliases: [embed], wakeWith: [rank]'),
      slow('rank'),
      slow('other'),
    );
    expect(await wake(gateway, 'chat')).toBe(202);
    // Nothing is waited for: the answer came after both were asked for.
    expect(await statesOf(gateway)).toEqual({
      ...{ chat: 'starting', embedder: 'starting', rank: 'starting' },
      other: 'cold',
    });
  });

  it('does so for a request, which waits for its own model alone', async () => {
    const gateway = await gatewayOf(quick('chat', 'wakeWith: [embedder]'), slow('embedder'));
    expect((await request(gateway, 'chat')).status).toBe(200);
    expect(await statesOf(gateway)).toEqual({ chat: 'ready', embedder: 'starting' });
  });

  it("does so for an operator's warm, and for a request that is rejected while it is cold", async () => {
    const gateway = await gatewayOf(
      slow('m', 'wakeWith: [one]'),
      slow('one'),
      slow('strict', 'cold: reject, wakeWith: [two]'),
      slow('two'),
    );
    await operate(gateway, 'warm');
    expect(await statesOf(gateway)).toMatchObject({ m: 'starting', one: 'starting', two: 'cold' });
    expect((await request(gateway, 'strict')).status).toBe(503);
    expect(await statesOf(gateway)).toMatchObject({ strict: 'starting', two: 'starting' });
  });

  it('leaves them to their own idle time: awake already, it wakes them no more', async () => {
    const gateway = await gatewayOf(
      quick('chat', 'wakeWith: [embedder]'),
      quick('embedder', 'scale: { idle: 200ms }'),
    );
    expect((await request(gateway, 'chat')).status).toBe(200);
    // How it was ready meanwhile may have been missed.
    const lived = async () => {
      const { state, lastStarts } = await viewOf(gateway, 'embedder');
      return [state, ...lastStarts.map(({ outcome }) => outcome)];
    };
    await expect.poll(lived, { timeout: 10_000, interval: 20 }).toEqual(['cold', 'ready']);
    expect((await request(gateway, 'chat')).status).toBe(200);
    expect(await wake(gateway, 'chat')).toBe(200);
    expect(await statesOf(gateway)).toEqual({ chat: 'ready', embedder: 'cold' });
  });

  it('wakes them also when it was only asleep, by asking ahead', async () => {
    const ladder = 'scale: { ladder: [{ preset: freeze, after: 200ms }] }';
    const gateway = await gatewayOf(quick('chat', `wakeWith: [embedder], ${ladder}`), slow('embedder'));
    await operateOn(gateway, 'embedder', 'pause');
    expect((await request(gateway, 'chat')).status).toBe(200);
    await until(gateway, { chat: 'asleep' });
    await operateOn(gateway, 'embedder', 'resume');
    expect(await statesOf(gateway)).toEqual({ chat: 'asleep', embedder: 'cold' });
    expect([200, 202]).toContain(await wake(gateway, 'chat'));
    expect(await statesOf(gateway)).toMatchObject({ embedder: 'starting' });
    await until(gateway, { chat: 'ready' });
  });

  it('and another that name each other are woken once each', async () => {
    const gateway = await gatewayOf(
      quick('a', 'wakeWith: [b]'),
      quick('b', 'wakeWith: [a, c]'),
      quick('c', 'wakeWith: [b]'),
    );
    expect((await request(gateway, 'b')).status).toBe(200);
    await until(gateway, { a: 'ready', b: 'ready', c: 'ready' });
    for (const name of ['a', 'b', 'c']) expect((await viewOf(gateway, name)).lastStarts).toHaveLength(1);
  });

  it('wakes nobody where it cannot be woken itself', async () => {
    const gateway = await gatewayOf(slow('m', 'wakeWith: [one]'), slow('one'));
    await operate(gateway, 'pause');
    expect(await wake(gateway, 'm')).toBe(503);
    await operate(gateway, 'warm');
    expect(await statesOf(gateway)).toEqual({ m: 'paused', one: 'cold' });
  });

  it('is served where a companion is paused or does not start', async () => {
    const broken = `  broken: { backend: { driver: process, command: ["false", "{port}"] } }\n`;
    const gateway = await gatewayOf(quick('chat', 'wakeWith: [m, broken]'), slow('m'), broken);
    await operate(gateway, 'pause');
    expect((await request(gateway, 'chat')).status).toBe(200);
    await until(gateway, { chat: 'ready', m: 'paused', broken: 'failed' });
  });

  it('follows a changed configuration', async () => {
    const gateway = await gatewayOf(slow('chat'), slow('embedder'));
    gateway.app.reload(settingsOf(`\n${slow('chat', 'wakeWith: [embedder]')}${slow('embedder')}`));
    await wake(gateway, 'chat');
    expect(await statesOf(gateway)).toEqual({ chat: 'starting', embedder: 'starting' });
  });
});
