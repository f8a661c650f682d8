import { afterEach, expect, it } from 'vitest';
import { settingsOf, startGateway } from '../support/gateway.ts';
import { ask, operate, processModel, untilState, World } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

it('who finds memory and spool full is told to come back when the next model is ready, which lets go of bodies', async () => {
  const settings = settingsOf(processModel(1_500));
  const spool = { dir: '/nowhere', maxBytes: 0 };
  const gateway = await startGateway({
    ...settings,
    server: { ...settings.server, drainMs: 200, heldMemoryBytes: 2_000, spool },
  });
  world.onClose(() => gateway.close());
  const large = { padding: 'x'.repeat(4_000) };
  const unknown = await ask(gateway, large).whole();
  expect([unknown.status, unknown.headers['retry-after-ms']]).toEqual([429, '1000']);
  await operate(gateway, 'warm');
  await untilState(gateway, 'ready');
  await operate(gateway, 'stop');
  await untilState(gateway, 'cold');
  await operate(gateway, 'warm');
  const { status, headers, text } = await ask(gateway, large).whole();
  expect([status, JSON.parse(text).error.code]).toEqual([429, 'memory_full']);
  const retryAfterMs = Number(headers['retry-after-ms']);
  expect(retryAfterMs).toBeGreaterThan(1_100);
  expect(retryAfterMs).toBeLessThan(2_500);
  expect(headers['retry-after']).toBe('2');
});
