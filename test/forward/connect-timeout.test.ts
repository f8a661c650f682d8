import { afterEach, describe, expect, it } from 'vitest';
import { answerJson } from '../support/backend.ts';
import { hangingServer } from '../support/hanging-server.ts';
import { ask, fixedModel, untilReplica, World } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

describe.runIf(process.platform === 'linux')('a replica that accepts no connection', () => {
  it('is given up after timeouts.connect, and the request goes to another one', async () => {
    const hanging = await hangingServer((close) => world.onClose(close));
    const other = await world.backend(answerJson);
    const first = Promise.withResolvers<void>();
    other.healthAfter = first.promise;
    const more = 'concurrency: 1\n    timeouts: { connect: 200ms }';
    const gateway = await world.gateway(fixedModel([hanging.url, other.url], more));
    await untilReplica(gateway, hanging.url, 'ready');
    first.resolve();
    await untilReplica(gateway, other.url, 'ready');
    await hanging.hang();
    const sentAtMs = performance.now();
    expect((await ask(gateway).whole()).status).toBe(200);
    expect(performance.now() - sentAtMs).toBeGreaterThan(150);
    expect(other.seen).toHaveLength(1);
  });

  it('is told as backend_unreachable when there is no other before the deadline', async () => {
    const hanging = await hangingServer((close) => world.onClose(close));
    const more = 'queue: { timeout: 800ms }\n    timeouts: { connect: 200ms }';
    const gateway = await world.gateway(fixedModel([hanging.url], more));
    await untilReplica(gateway, hanging.url, 'ready');
    await hanging.hang();
    const { status, text } = await ask(gateway).whole();
    expect([status, JSON.parse(text)]).toMatchObject([502, { error: { code: 'backend_unreachable' } }]);
  });
});
