import { describe, expect, it } from 'vitest';
import { Lineage, type LineageEvent } from '../../src/autoscale/lineage.ts';
import type { ModelSettings } from '../../src/config/settings.ts';
import { settingsOf } from '../support/gateway.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { FakeRevision } from './fake-revision.ts';

/** Settings of model m at a URL of this name. */
function modelOf(name: string, more = ''): ModelSettings {
  const backend = `{ driver: static, urls: ["http://${name}:1"], ready: { path: /health, startup: 1m } }`;
  return settingsOf(`  m:\n    backend: ${backend}\n    ${more}\n`).models.get('m')!;
}

class Harness {
  readonly clock = new ManualClock();
  readonly made: FakeRevision[] = [];
  readonly events: LineageEvent[] = [];
  readonly ending = new AbortController();
  readonly lineage = new Lineage<FakeRevision>(modelOf('v1'), {
    clock: this.clock,
    create: (model, owner) => {
      this.made.push(new FakeRevision(model, owner));
      return this.made.at(-1)!;
    },
    giveWaiters: (from, to) => to.waiters.push(...from.waiters.splice(0)),
    onEvent: (event) => this.events.push(event),
    signal: this.ending.signal,
  });

  get types(): string[] {
    return this.events.map(({ type }) => type);
  }

  /** The one in service has this state, and another configuration comes. */
  async rollOut(state: string, name = 'v2', more = ''): Promise<[FakeRevision, FakeRevision]> {
    const old = this.lineage.entry;
    old.become(state);
    this.lineage.configure(modelOf(name, more));
    await this.clock.settle();
    return [old, this.made.at(-1)!];
  }
}

describe('a lineage whose revision changes', () => {
  it('starts the next one and leaves the old one in service until that is ready', async () => {
    const h = new Harness();
    const [old, next] = await h.rollOut('ready');
    expect([next.told, next.generation]).toEqual([['start', 'warm'], 2]);
    expect(h.lineage.entry).toBe(old);
    old.waiters = ['a', 'b'];
    next.become('ready');
    await h.clock.settle();
    expect(h.lineage.entry).toBe(next);
    expect(next.waiters).toEqual(['a', 'b']);
    expect(old.told).toContain('retire');
    expect(h.types).toEqual(['rollout-began', 'rollout-in-service']);
    expect(h.clock.pendingTimers).toBe(0);
  });

  it('counts what runs at the old one before the first request reaches the next', async () => {
    const h = new Harness();
    const [old, next] = await h.rollOut('ready');
    old.running = 3;
    const seen: number[] = [];
    Object.defineProperty(next, 'waiters', {
      get: () => {
        seen.push(h.lineage.othersAt(next, 'http://v1:1'));
        return [];
      },
    });
    next.become('ready');
    await h.clock.settle();
    expect(seen).toEqual([3]);
    expect(h.lineage.othersAt(old, 'http://v1:1')).toBe(0);
  });

  it('tells when the next one does not start, and tries it again while the old one is not asleep', async () => {
    const h = new Harness();
    const [old, next] = await h.rollOut('ready');
    const fail = async () => {
      next.become('failed');
      next.owner.startFailed(next, 'no weights', 2_000);
      await h.clock.advance(1_999);
    };
    await fail();
    expect(h.events.at(-1)).toEqual({ type: 'rollout-start-failed', reason: 'no weights', retryInMs: 2_000 });
    expect(h.lineage.entry).toBe(old);
    const warmed = () => next.told.filter((what) => what === 'warm').length;
    expect(warmed()).toBe(1);
    await h.clock.advance(1);
    expect(warmed()).toBe(2);
    old.become('cold');
    await fail();
    await h.clock.advance(10_000);
    expect([warmed(), h.lineage.entry]).toEqual([2, old]);
    old.become('starting');
    await h.clock.settle();
    expect(warmed()).toBe(3);
  });

  it('switches at once when the old one falls asleep or fails before the next is ready', async () => {
    for (const state of ['cold', 'draining', 'failed']) {
      const h = new Harness();
      const [old, next] = await h.rollOut('ready');
      next.become('starting');
      old.become(state);
      await h.clock.settle();
      expect([state, h.lineage.entry]).toEqual([state, next]);
    }
  });

  it('saves the waiters of an old one that cannot start, unless the next one cannot either', async () => {
    const h = new Harness();
    const [old, next] = await h.rollOut('starting');
    old.waiters = ['a'];
    next.hasFailed = true;
    expect(h.lineage.rescue(old)).toBe(false);
    next.hasFailed = false;
    expect(h.lineage.rescue(next)).toBe(false);
    expect(h.lineage.rescue(old)).toBe(true);
    expect([h.lineage.entry, next.waiters]).toEqual([next, ['a']]);
    old.waiters = ['b'];
    expect(h.lineage.rescue(old)).toBe(true);
    expect(next.waiters).toEqual(['a', 'b']);
  });

  it('gives on who comes back to an old one', async () => {
    const h = new Harness();
    const [old, next] = await h.rollOut('ready');
    expect([h.lineage.givesOn(old), h.lineage.givesOn(next)]).toEqual([false, false]);
    next.become('ready');
    await h.clock.settle();
    expect(h.lineage.givesOn(old)).toBe(true);
    old.waiters = ['back'];
    await h.clock.settle();
    expect(next.waiters).toEqual(['back']);
  });

  it('tells when the next one is not ready within its startup time, once', async () => {
    const h = new Harness();
    await h.rollOut('ready');
    await h.clock.advance(600_000);
    expect(h.types).toEqual(['rollout-began', 'rollout-not-ready']);
  });

  it('stops first on request, also when a start-first rollout is under way', async () => {
    const h = new Harness();
    const [old, next] = await h.rollOut('ready');
    h.lineage.configure(modelOf('v2', 'rollout: stop-first'));
    const held = h.lineage.entry;
    expect(held.told).toEqual([]);
    old.end();
    await h.clock.settle();
    expect(held.told).toEqual([]);
    next.end();
    await h.clock.settle();
    expect(held.told).toEqual(['start']);
  });

  it('takes soft changes in place, those of the model at once and those of the revision by the next', async () => {
    const h = new Harness();
    const [old, next] = await h.rollOut('ready');
    h.lineage.configure(modelOf('v2', 'aliases: [x]\n    queue: { max: 7 }'));
    expect(h.made).toEqual([old, next]);
    expect([old.settings.aliases, next.settings.aliases]).toEqual([['x'], ['x']]);
    expect([old.settings.revision.queue.max, next.settings.revision.queue.max]).toEqual([1000, 7]);
    expect(old.settings.revision.backend).toEqual(modelOf('v1').revision.backend);
  });
});

describe('a lineage that is removed', () => {
  it('is gone when all of it has ended, the one on its way too', async () => {
    const h = new Harness();
    const [old, next] = await h.rollOut('ready');
    h.lineage.remove();
    expect([old.told.at(-1), next.told.at(-1)]).toEqual(['retire and keep', 'retire']);
    old.end();
    await h.clock.settle();
    expect(h.lineage.isGone).toBe(false);
    next.failToEnd(new Error('no driver'));
    await h.clock.settle();
    expect(h.lineage.isGone).toBe(true);
    expect(h.types.at(-1)).toBe('retiring-failed');
    expect(h.clock.pendingTimers).toBe(0);
  });

  it('still starts a held one that somebody waits at, and no other', async () => {
    for (const waiters of [['a'], []]) {
      const h = new Harness();
      const [old, held] = await h.rollOut('ready', 'v2', 'rollout: stop-first');
      held.waiters = waiters;
      h.lineage.remove();
      old.end();
      await h.clock.settle();
      expect(held.told).toEqual(waiters.length > 0 ? ['retire and keep', 'start'] : ['retire and keep']);
    }
  });

  it('comes back by a new revision, which with stop-first waits for the end of the old one', async () => {
    const h = new Harness();
    const old = h.lineage.entry;
    h.lineage.remove();
    h.lineage.configure(modelOf('v1', 'rollout: stop-first'));
    const fresh = h.lineage.entry;
    expect([fresh === old, fresh.generation, fresh.told]).toEqual([false, 2, []]);
    old.end();
    await h.clock.settle();
    expect([fresh.told, h.lineage.isGone]).toEqual([['start'], false]);
  });

  it('comes back at once where the old one has ended before', async () => {
    const h = new Harness();
    h.lineage.remove();
    h.lineage.entry.end();
    await h.clock.settle();
    h.lineage.configure(modelOf('v1', 'rollout: stop-first'));
    expect(h.lineage.entry.told).toEqual(['start']);
  });
});

describe('an operator during a rollout', () => {
  it('stops or pauses the model as it will be, without waiting for the next one', async () => {
    for (const command of ['stop', 'pause'] as const) {
      const h = new Harness();
      const [old, next] = await h.rollOut('ready');
      h.lineage[command]();
      expect([h.lineage.entry, next.told.at(-1), old.told.at(-1)]).toEqual([next, command, 'retire']);
    }
  });

  it('stops both when the next one is known not to start, and the old one stays in service', async () => {
    const h = new Harness();
    const [old, next] = await h.rollOut('ready');
    next.become('failed');
    h.lineage.stop();
    expect([h.lineage.entry, next.told.at(-1), old.told.at(-1)]).toEqual([old, 'stop', 'stop']);
  });

  it('ends all of it at shutdown, and nothing starts after that', async () => {
    const h = new Harness();
    const [old, next] = await h.rollOut('ready');
    h.ending.abort();
    await h.lineage.close();
    next.become('ready');
    await h.clock.advance(120_000);
    expect([old.told.at(-1), next.told.at(-1)]).toEqual(['close', 'close']);
    expect(h.clock.pendingTimers).toBe(0);
  });
});
