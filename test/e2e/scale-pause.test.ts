import { afterEach, describe, expect, it } from 'vitest';
import { type Gateway, settingsOf } from '../support/gateway.ts';
import { heldModel } from '../support/held-model.ts';
import { ask, operate, untilState, viewOf, World } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

const model = (scale = '') => heldModel(0, scale);
const codeOf = async (gateway: Gateway) => {
  const exchange = ask(gateway);
  const { statusCode } = await exchange.head;
  await exchange.end;
  const { error } = JSON.parse(exchange.text) as { readonly error?: { readonly code: string } };
  return `${statusCode} ${error?.code ?? ''}`.trim();
};
const patch = (gateway: Gateway, body: object | null) =>
  fetch(`${gateway.adminUrl}/api/models/m/scale`, {
    ...(body === null ? { method: 'DELETE' } : { method: 'PATCH', body: JSON.stringify(body) }),
    ...(body === null ? {} : { headers: { 'content-type': 'application/json' } }),
  });
/** Its last start was this one, and none before. */
const starts = async (gateway: Gateway) => (await viewOf(gateway)).lastStarts.length;

describe('scale.pause', () => {
  it('keeps a model at zero from the start of the gateway, whatever min is, until an operator resumes it', async () => {
    const gateway = await world.gateway(model('pause: true, min: 1'));
    expect(await codeOf(gateway)).toBe('503 paused');
    expect(await viewOf(gateway)).toMatchObject({ state: 'paused', replicas: [], lastStarts: [] });
    await operate(gateway, 'resume');
    await untilState(gateway, 'ready');
    expect(await codeOf(gateway)).toBe('200');
  });

  it('takes effect when the file says so, and ends when the file does not any more', async () => {
    const gateway = await world.gateway(model());
    expect(await codeOf(gateway)).toBe('200');
    gateway.app.reload(settingsOf(model('pause: true')));
    expect(await codeOf(gateway)).toBe('503 paused');
    await expect.poll(async () => (await viewOf(gateway)).replicas).toEqual([]);
    gateway.app.reload(settingsOf(model()));
    expect(await codeOf(gateway)).toBe('200');
  });

  it('is changed by the admin API as any key of scale', async () => {
    const gateway = await world.gateway(model());
    await patch(gateway, { pause: true });
    expect(await codeOf(gateway)).toBe('503 paused');
    await patch(gateway, null);
    expect(await codeOf(gateway)).toBe('200');
    expect(await starts(gateway)).toBe(1);
  });

  it('holds as long as nothing else is said: other changes of the file leave the word of an operator', async () => {
    const gateway = await world.gateway(model('pause: true'));
    await operate(gateway, 'resume');
    gateway.app.reload(settingsOf(model('pause: true, idle: 1h')));
    expect(await codeOf(gateway)).toBe('200');
    await operate(gateway, 'pause');
    gateway.app.reload(settingsOf(model('pause: true, idle: 2h')));
    expect(await codeOf(gateway)).toBe('503 paused');
    gateway.app.reload(settingsOf(model('idle: 2h')));
    expect(await codeOf(gateway)).toBe('200');
  });

  it('holds for a changed backend too, which starts when it is resumed', async () => {
    const gateway = await world.gateway(model('pause: true'));
    gateway.app.reload(
      settingsOf(model('pause: true').replace('stopGrace: 2s', 'stopGrace: 2s, env: { A: b }')),
    );
    expect(await codeOf(gateway)).toBe('503 paused');
    await operate(gateway, 'resume');
    expect(await codeOf(gateway)).toBe('200');
    expect(await starts(gateway)).toBe(1);
  });
});
