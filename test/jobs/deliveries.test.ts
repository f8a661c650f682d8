import { Webhook } from 'standardwebhooks';
import { afterEach, describe, expect, it } from 'vitest';
import { PilotlightError } from '../../src/core/errors.ts';
import { openMemoryStore } from '../../src/stores/memory/store.ts';
import { unlimited } from '../support/job.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { type Outbox, openOutbox, tell, withMembers } from '../support/outbox.ts';
import { startReceiver } from '../support/webhook-receiver.ts';

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function receiver(...args: Parameters<typeof startReceiver>) {
  const started = await startReceiver(...args);
  closing.push(() => started.close());
  return started;
}

function setUp() {
  const clock = new ManualClock();
  const store = openMemoryStore({ clock });
  const outbox = openOutbox(store, clock);
  closing.push(() => end(outbox, clock));
  return { clock, store, outbox };
}

/** What is on its way is cut, for the clock of a test does not go on by itself. */
async function end({ deliveries }: Outbox, clock: ManualClock): Promise<void> {
  const closed = deliveries.close();
  await clock.advance(2_000);
  await closed;
}

const soonMs = 100;

describe('deliveries', () => {
  it('are sent once what they tell of is committed, and settled by the answer', async () => {
    const to = await receiver();
    const { clock, store, outbox } = setUp();
    await tell(store, 'one', to.url);
    await clock.advance(soonMs);
    await outbox.tried(1);
    expect(outbox.trials).toMatchObject([{ outcome: 'delivered', attempts: 1, event: 'completed' }]);
    const [{ headers, body }] = to.received as [(typeof to.received)[0]];
    const secret = await outbox.secrets.current('app');
    expect(new Webhook(secret).verify(body, headers)).toMatchObject({ id: 'one', state: 'succeeded' });
    expect(await store.nextDeliveryMs()).toBeNull();
  });

  it('are begun with those that an earlier process has left', async () => {
    const to = await receiver();
    const clock = new ManualClock();
    const store = openMemoryStore({ clock });
    await tell(store, 'one', to.url);
    const outbox = openOutbox(store, clock);
    closing.push(() => end(outbox, clock));
    await clock.advance(soonMs);
    await outbox.tried(1);
    expect(to.received).toHaveLength(1);
  });

  it('are tried again later and later while their receiver is down, under the same id, and reach it when it is back', async () => {
    const to = await receiver((res, nth) => res.writeHead(nth < 4 ? 500 : 200).end());
    const { clock, store, outbox } = setUp();
    await tell(store, 'one', to.url);
    await clock.advance(soonMs);
    for (const [nth, waitMs] of [4_900, 9_900, 19_900].entries()) {
      await outbox.tried(nth + 1);
      await clock.advance(waitMs);
      expect(to.received).toHaveLength(nth + 1);
      await clock.advance(200);
    }
    await outbox.tried(4);
    expect(outbox.trials.map(({ outcome }) => outcome)).toEqual([
      'retried',
      'retried',
      'retried',
      'delivered',
    ]);
    expect(new Set(to.received.map(({ headers }) => headers['webhook-id']))).toEqual(new Set(['msg_one']));
    expect(await store.nextDeliveryMs()).toBeNull();
  });

  it('are given up after a day', async () => {
    const to = await receiver((res) => res.writeHead(500).end());
    const { clock, store, outbox } = setUp();
    await tell(store, 'one', to.url, { limits: { ...unlimited, keepMs: 10 * 86_400_000 } });
    let count = 0;
    while (outbox.trials.at(-1)?.outcome !== 'given_up') {
      const dueMs = (await store.nextDeliveryMs())!;
      await clock.advance(Math.max(0, dueMs - store.nowMs()) + soonMs);
      await outbox.tried(++count);
      expect(count).toBeLessThan(60);
    }
    expect(clock.nowMs()).toBeGreaterThanOrEqual(86_400_000);
    expect(clock.nowMs()).toBeLessThan(86_410_000);
    expect(await store.nextDeliveryMs()).toBeNull();
  });

  it('end with a receiver that is gone', async () => {
    const to = await receiver((res) => res.writeHead(410).end());
    const { clock, store, outbox } = setUp();
    await tell(store, 'one', to.url);
    await clock.advance(soonMs);
    await outbox.tried(1);
    expect(outbox.trials).toMatchObject([{ outcome: 'given_up', reason: 'answered 410' }]);
    expect(await store.nextDeliveryMs()).toBeNull();
  });

  it('to a receiver that does not answer delay nobody else, however many they are', async () => {
    const slow = await receiver(() => undefined);
    const quick = await receiver();
    const { clock, store, outbox } = setUp();
    for (let i = 0; i < 200; i++) await tell(store, `slow-${i}`, slow.url);
    for (let i = 0; i < 20; i++) await tell(store, `quick-${i}`, quick.url);
    await clock.advance(soonMs);
    await outbox.tried(20);
    expect(quick.received).toHaveLength(20);
    expect(slow.connections).toBe(8);
    // None of those that were turned away is lost.
    expect(await store.nextDeliveryMs()).toBeGreaterThan(store.nowMs());
  });

  it('are the same to their receiver where the process dies before it settles them', async () => {
    const to = await receiver();
    const { clock, store, outbox } = setUp();
    const settleDelivery = () => Promise.reject(new PilotlightError('store_unavailable', 'dead'));
    await end(outbox, clock);
    const dying = openOutbox(withMembers(store, { settleDelivery }), clock);
    await tell(store, 'one', to.url);
    await clock.advance(soonMs);
    await to.count(1);
    await end(dying, clock);
    const next = openOutbox(store, clock);
    closing.push(() => end(next, clock));
    await clock.advance(58_000);
    expect(to.received).toHaveLength(1);
    await clock.advance(2_000);
    await next.tried(1);
    expect(to.received.map(({ headers }) => headers['webhook-id'])).toEqual(['msg_one', 'msg_one']);
    expect(await store.nextDeliveryMs()).toBeNull();
  });

  it('of a job that is removed meanwhile are not sent', async () => {
    const to = await receiver((res) => res.writeHead(500).end());
    const { clock, store, outbox } = setUp();
    await tell(store, 'one', to.url);
    await clock.advance(soonMs);
    await outbox.tried(1);
    await store.commit([{ expected: 1, id: 'one', next: null }]);
    await clock.advance(60_000);
    expect(to.received).toHaveLength(1);
    expect(await store.nextDeliveryMs()).toBeNull();
  });

  it('that are cut by the end of the gateway are due at once for the next', async () => {
    const silent = await receiver(() => undefined);
    const { clock, store, outbox } = setUp();
    await tell(store, 'one', silent.url);
    await clock.advance(soonMs);
    await silent.count(1);
    await end(outbox, clock);
    expect(await store.nextDeliveryMs()).toBeLessThanOrEqual(store.nowMs());
    const [left] = await store.takeDeliveries(store.nowMs(), store.nowMs() + 1, 1);
    expect(left).toMatchObject({ id: 'msg_one', attempts: 0 });
  });

  it('that cannot be written are tried again later, and hold nobody up', async () => {
    const to = await receiver();
    const clock = new ManualClock();
    const store = openMemoryStore({ clock });
    const render = ({ job: { id } }: { job: { id: string } }) => {
      if (id === 'odd') throw new Error('no JSON');
      return '{}';
    };
    const outbox = openOutbox(store, clock, { render });
    closing.push(() => end(outbox, clock));
    await tell(store, 'odd', to.url);
    await tell(store, 'plain', to.url);
    await clock.advance(soonMs);
    await outbox.tried(2);
    const outcomes = outbox.trials.map(({ job, outcome, reason }) => [job.id, outcome, reason !== null]);
    expect(outcomes.toSorted()).toEqual([
      ['odd', 'retried', true],
      ['plain', 'delivered', false],
    ]);
    expect(outbox.faults).toEqual([]);
  });

  it('go on when the store could not be asked for a while', async () => {
    const to = await receiver();
    const clock = new ManualClock();
    const store = openMemoryStore({ clock });
    let isDown = true;
    const take: typeof store.takeDeliveries = (...args) =>
      isDown
        ? Promise.reject(new PilotlightError('store_unavailable', 'down'))
        : store.takeDeliveries(...args);
    const outbox = openOutbox(withMembers(store, { takeDeliveries: take }), clock);
    closing.push(() => end(outbox, clock));
    await tell(store, 'one', to.url);
    await clock.advance(5_000);
    expect(outbox.faults.length).toBeGreaterThan(2);
    isDown = false;
    await clock.advance(1_100);
    await outbox.tried(1);
    expect(to.received).toHaveLength(1);
  });
});
