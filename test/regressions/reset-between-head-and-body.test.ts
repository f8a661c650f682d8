import { afterEach, expect, it } from 'vitest';
import { ask, fixedModel, World } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

it('an answer that breaks off between its head and its body tells where the time went, like every other', async () => {
  const backend = await world.backend((res) => {
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': '10' });
    res.flushHeaders();
    setImmediate(() => res.destroy());
  });
  const { status, headers, text } = await ask(await world.gateway(fixedModel([backend.url]))).whole();
  expect([status, JSON.parse(text)]).toMatchObject([502, { error: { code: 'backend_reset' } }]);
  expect(headers['server-timing']).toMatch(
    /^queue;dur=[\d.]+, cold;dur=[\d.]+, backend;dur=[\d.]+, proxy;dur=/,
  );
});
