import { describe, expect, it } from 'vitest';
import { JobWatch } from '../../src/jobs/watch.ts';
import { openMemoryStore } from '../../src/stores/memory/store.ts';
import { aJob, nextOf } from '../support/job.ts';
import { ManualClock } from '../support/manual-clock.ts';

const never = new AbortController().signal;

describe('news of a job', () => {
  it('reach all who wait for it, those who were busy meanwhile too, and nobody who waits for another', async () => {
    const store = openMemoryStore({ clock: new ManualClock() });
    const watch = new JobWatch(store);
    const [one, two, other] = [watch.open('j'), watch.open('j'), watch.open('k')];
    const waiting = one.next(never);
    const first = aJob({ id: 'j' });
    await store.commit([{ id: 'j', expected: 0, next: first }]);
    await waiting;
    await two.next(never);
    expect([one.latest?.version, two.latest?.version, other.latest]).toEqual([1, 1, null]);
    one.close();
    await store.commit([{ id: 'j', expected: 1, next: nextOf(first) }]);
    expect([one.latest?.version, two.latest?.version]).toEqual([1, 2]);
    two.close();
    other.close();
    expect(watch.size).toBe(0);
    watch.close();
  });

  it('are waited for no longer than somebody wants them', async () => {
    const watch = new JobWatch(openMemoryStore({ clock: new ManualClock() }));
    const news = watch.open('j');
    const leaving = new AbortController();
    const waiting = news.next(leaving.signal);
    leaving.abort();
    await waiting;
    await news.next(leaving.signal);
    expect(news.latest).toBe(null);
    news.close();
  });
});
