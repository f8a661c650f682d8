import { expect, it } from 'vitest';
import { SharedRoom } from '../../../src/autoscale/placement/shared-room.ts';
import type { MemoryGauge } from '../../../src/core/room.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { ModelTenant } from './model-tenant.ts';
import { gib, needsOf } from './worlds.ts';

/** A card of 24 GiB that says what the test sets, after `answerMs`. */
class PlayedGauge implements MemoryGauge {
  free: number | null = 24;
  answerMs = 0;
  reads = 0;
  readonly #clock: ManualClock;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  async freeBytes(signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
    this.reads++;
    if (this.answerMs > 0) await this.#clock.sleep(this.answerMs, signal);
    return new Map(this.free === null ? [] : [['0', this.free * gib]]);
  }
}

function rig() {
  const clock = new ManualClock();
  const gauge = new PlayedGauge(clock);
  const gpus = [{ id: '0', pool: null, memoryBytes: 24 * gib }];
  const settings = { gpus, hostBytes: null, maxStarting: null, maxPassMs: 30_000 };
  const room = new SharedRoom({ clock, settings, gauge });
  const add = (id: string, memoryGib: number | null = 20) =>
    new ModelTenant({
      id,
      clock,
      room,
      needs: needsOf(memoryGib),
      group: null,
      loadMs: 1_000,
      fails: () => false,
    });
  return { clock, gauge, room, add };
}

it('starts nothing before the memory was measured to be free', async () => {
  const { clock, gauge, add } = rig();
  gauge.answerMs = 3_000;
  const qwen = add('qwen');
  qwen.request(1_000);
  await clock.advance(2_900);
  expect(qwen.replicas).toEqual([]);
  await clock.advance(200);
  expect(qwen.replicas).toHaveLength(1);
});

it('gives what an ended replica had only when its memory is really free, and makes nobody else go meanwhile', async () => {
  const { clock, gauge, room, add } = rig();
  const small = add('small', 4);
  const qwen = add('qwen');
  const llama = add('llama');
  small.request(1);
  qwen.request(1);
  await clock.advance(3_000);
  gauge.free = 0;
  llama.request(1);
  await clock.advance(4_000);
  expect(qwen.replicas).toEqual([]);
  expect(llama.replicas).toEqual([]);
  expect(room.snapshot().waiting.map(({ model }) => model)).toEqual(['llama']);
  gauge.free = 20;
  await clock.advance(1_500);
  expect(llama.replicas).toHaveLength(1);
  expect(small.replicas).toHaveLength(1);
});

it('takes memory that stays away for that of others, and makes idle models go for it', async () => {
  const { clock, gauge, room, add } = rig();
  const small = add('small', 4);
  small.request(1);
  await clock.advance(3_000);
  // Others hold 4 GiB, so that 20 GiB beside the small one are not there.
  gauge.free = 16;
  const llama = add('llama', 18);
  llama.request(1);
  await clock.advance(6_000);
  expect(small.replicas).toHaveLength(1);
  await clock.advance(5_000);
  expect(room.snapshot().gpus[0]?.othersBytes).toBe(4 * gib);
  expect(small.replicas).toEqual([]);
  gauge.free = 20;
  await clock.advance(2_000);
  expect(llama.replicas).toHaveLength(1);
});

it('goes by what it knows itself where the machine does not tell', async () => {
  const { clock, gauge, add } = rig();
  gauge.free = null;
  const qwen = add('qwen');
  qwen.request(1);
  await clock.advance(10);
  expect(qwen.replicas).toHaveLength(1);
});

it('measures nothing while nobody waits', async () => {
  const { clock, gauge, room, add } = rig();
  const qwen = add('qwen');
  qwen.request(1);
  await clock.advance(2_000);
  const { reads } = gauge;
  await clock.advance(600_000);
  expect(gauge.reads).toBe(reads);
  room.close();
  expect(clock.pendingTimers).toBe(0);
});
