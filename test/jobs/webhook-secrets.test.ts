import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { secretOverlapMs, WebhookSecrets } from '../../src/jobs/webhook-secrets.ts';
import { openMemoryStore } from '../../src/stores/memory/store.ts';
import { ManualClock } from '../support/manual-clock.ts';

function setUp() {
  const clock = new ManualClock();
  const { documents, nowMs } = openMemoryStore({ clock });
  return { clock, documents, secrets: new WebhookSecrets({ documents, nowMs, randomBytes }) };
}

describe('the secret of a tenant', () => {
  it('is made when it is first asked for, and stays', async () => {
    const { secrets } = setUp();
    const secret = await secrets.current('app');
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(await secrets.current('app')).toBe(secret);
    expect(await secrets.signing('app')).toEqual([secret]);
  });

  it("is not another's, nor that of those without a key", async () => {
    const { secrets } = setUp();
    const all = await Promise.all(['app', 'other', ''].map((tenant) => secrets.current(tenant)));
    expect(new Set(all).size).toBe(3);
  });

  it('is one, though several ask for the first time at once', async () => {
    const { secrets } = setUp();
    const all = await Promise.all(Array.from({ length: 10 }, () => secrets.current('app')));
    expect(new Set(all).size).toBe(1);
  });

  it('signs along for a day after another took its place, and no longer', async () => {
    const { clock, secrets } = setUp();
    const first = await secrets.current('app');
    const second = await secrets.rotate('app');
    expect(await secrets.signing('app')).toEqual([second, first]);
    await clock.advance(secretOverlapMs - 1);
    const third = await secrets.rotate('app');
    expect(await secrets.signing('app')).toEqual([third, second, first]);
    await clock.advance(1);
    expect(await secrets.signing('app')).toEqual([third, second]);
    expect(await secrets.current('app')).toBe(third);
  });

  it('is not lost where two rotate it at once', async () => {
    const { secrets } = setUp();
    const first = await secrets.current('app');
    const made = await Promise.all([secrets.rotate('app'), secrets.rotate('app')]);
    expect(new Set(await secrets.signing('app'))).toEqual(new Set([...made, first]));
  });
});
