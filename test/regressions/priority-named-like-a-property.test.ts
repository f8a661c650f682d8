import { afterEach, expect, it } from 'vitest';
import { answerJson } from '../support/backend.ts';
import { ask, fixedModel, World, waitingAt } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

it.each(['constructor', '__proto__', 'highest', ''])(
  'a priority that is none, even one that every object has, is taken for none: %j',
  async (priority) => {
    const backend = await world.backend(answerJson);
    backend.isReady = false;
    const gateway = await world.gateway(fixedModel([backend.url]));
    const exchange = ask(gateway, {}, { 'x-pilotlight-priority': priority });
    await expect.poll(() => waitingAt(gateway)).toBe(1);
    backend.isReady = true;
    expect((await exchange.whole()).status).toBe(200);
  },
);
