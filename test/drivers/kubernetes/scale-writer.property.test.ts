import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../../../src/core/clock.ts';
import { type Count, ScaleWriter } from '../../../src/drivers/kubernetes/scale-writer.ts';
import { KubeError } from '../../../src/kube/api.ts';
import { FakeLeadership } from '../../support/fake-leadership.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const never = new AbortController().signal;

/** An object with versions, whose calls take some turns; it counts what must never happen. */
class PlayedObject {
  replicas = 0;
  version = 1;
  inFlight = 0;
  maxInFlight = 0;
  writesWithoutLease = 0;
  readonly leadership = new FakeLeadership();
  readonly written: number[] = [];
  delays: number[] = [];

  set(replicas: number): void {
    this.replicas = replicas;
    this.version += 1;
  }

  async read(): Promise<Count> {
    await this.#pass();
    return { replicas: this.replicas, resourceVersion: String(this.version) };
  }

  write(from: Count, replicas: number): Promise<Count | 'conflict'> {
    return this.#write(replicas, () => from.resourceVersion === String(this.version));
  }

  writeWhereCounted(from: Count, replicas: number): Promise<Count | 'conflict'> {
    return this.#write(replicas, () => from.replicas === this.replicas);
  }

  async #write(replicas: number, isMet: () => boolean): Promise<Count | 'conflict'> {
    if (!this.leadership.isLeader) this.writesWithoutLease += 1;
    this.inFlight += 1;
    this.maxInFlight = Math.max(this.maxInFlight, this.inFlight);
    await this.#pass();
    this.inFlight -= 1;
    if (!isMet()) return 'conflict';
    this.set(replicas);
    this.written.push(replicas);
    return { replicas, resourceVersion: String(this.version) };
  }

  async #pass(): Promise<void> {
    for (let turns = this.delays.shift() ?? 0; turns > 0; turns--) await turn();
  }
}

interface Overrides {
  isExternal?: boolean;
  leadsForMs?: number;
  clock?: Clock;
  /** The object is seen without asking. */
  isSeen?: boolean;
}

function writerOn(object: PlayedObject, overrides: Overrides = {}) {
  return new ScaleWriter({
    store: {
      known: () =>
        overrides.isSeen ? { replicas: object.replicas, resourceVersion: String(object.version) } : null,
      read: () => object.read(),
      write: (from, replicas) => object.write(from, replicas),
      writeWhereCounted: (from, replicas) => object.writeWhereCounted(from, replicas),
    },
    clock: overrides.clock ?? systemClock,
    leadership: object.leadership,
    leadsFor: () => overrides.leadsForMs ?? Number.POSITIVE_INFINITY,
    isExternal: () => overrides.isExternal ?? false,
    isStale: () => false,
    prepare: async () => undefined,
    onCount: () => undefined,
    signal: never,
  });
}

const action = fc.oneof(
  fc.record({ do: fc.constant('scale' as const), replicas: fc.nat(5) }),
  fc.record({ do: fc.constant('foreign' as const), replicas: fc.nat(5) }),
  fc.record({ do: fc.constant('touch' as const) }),
  fc.record({ do: fc.constant('lease' as const), isHeld: fc.boolean() }),
  fc.record({ do: fc.constant('turn' as const) }),
);

type Action = typeof action extends fc.Arbitrary<infer A> ? A : never;

describe('the writer of counts', () => {
  it('never writes twice at a time nor without the lease, and ends at the last count', async () => {
    const run = async (actions: readonly Action[], delays: readonly number[]) => {
      const object = new PlayedObject();
      object.delays = [...delays];
      const writer = writerOn(object);
      const calls: Promise<unknown>[] = [];
      for (const step of actions) {
        if (step.do === 'scale') {
          calls.push(writer.scale({ replicas: step.replicas }, never).catch((error: Error) => error));
        } else if (step.do === 'foreign') object.set(step.replicas);
        else if (step.do === 'touch') object.version += 1;
        else if (step.do === 'lease') object.leadership.isLeader = step.isHeld;
        else await turn();
      }
      await Promise.all(calls);
      expect(object.maxInFlight).toBeLessThanOrEqual(1);
      expect(object.writesWithoutLease).toBe(0);
      object.leadership.isLeader = true;
      await writer.scale({ replicas: 3 }, never);
      expect(object.replicas).toBe(3);
    };
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 30 }), fc.array(fc.nat(3), { maxLength: 60 }), run),
      { numRuns: 200 },
    );
  });

  it('writes a burst of calls once, with the last count', async () => {
    const object = new PlayedObject();
    const writer = writerOn(object);
    await Promise.all([1, 2, 3, 7].map((replicas) => writer.scale({ replicas }, never)));
    expect(object.written).toEqual([7]);
  });

  it('writes the first of a burst at once, and with one more what the rest of it needs', async () => {
    const object = new PlayedObject();
    const clock = new ManualClock();
    const writer = writerOn(object, { clock });
    await writer.scale({ replicas: 1 }, never);
    expect(object.written).toEqual([1]);
    const calls: Promise<void>[] = [];
    for (const replicas of [2, 3, 4, 5]) {
      calls.push(writer.scale({ replicas }, never));
      await turn();
      await clock.advance(10);
    }
    expect(object.written).toEqual([1]);
    await clock.advance(10);
    await Promise.all(calls);
    expect(object.written).toEqual([1, 5]);
  });

  it('obeys who changes the count while a burst is waited for', async () => {
    const object = new PlayedObject();
    const clock = new ManualClock();
    const writer = writerOn(object, { clock, isSeen: true });
    await writer.scale({ replicas: 1 }, never);
    const call = writer.scale({ replicas: 3 }, never);
    await turn();
    object.set(4);
    await clock.advance(50);
    await call;
    expect([object.replicas, object.written]).toEqual([4, [1]]);
  });

  it('writes nothing where the count is right already', async () => {
    const object = new PlayedObject();
    object.set(2);
    await writerOn(object).scale({ replicas: 2 }, never);
    expect(object.written).toEqual([]);
  });

  it('obeys who changes the count between its look and its write', async () => {
    const object = new PlayedObject();
    const writer = writerOn(object);
    object.delays = [0, 5];
    const call = writer.scale({ replicas: 1 }, never);
    while (object.inFlight === 0) await turn();
    object.set(4);
    await call;
    expect([object.replicas, object.written]).toEqual([4, []]);
  });

  it('gets its count through to an object whose status changes before each of its writes', async () => {
    const object = new PlayedObject();
    object.set(2);
    const touching = Object.assign(object, {
      write: async (from: Count, replicas: number) => {
        object.version += 1;
        return PlayedObject.prototype.write.call(object, from, replicas);
      },
    });
    await writerOn(touching).scale({ replicas: 0 }, never);
    expect(object.written).toEqual([0]);
  });

  it('goes on asking a server that is away, and takes the last count when it is back', async () => {
    const object = new PlayedObject();
    let isAway = true;
    const away = Object.assign(object, {
      read: async (): Promise<Count> => {
        if (isAway) throw new KubeError('connect ECONNREFUSED', { status: 0 });
        return PlayedObject.prototype.read.call(object);
      },
    });
    const writer = writerOn(away);
    const first = writer.scale({ replicas: 1 }, never);
    await turn();
    const last = writer.scale({ replicas: 2 }, never);
    isAway = false;
    await Promise.all([first, last]);
    expect(object.written).toEqual([2]);
  });

  it('gives up on a server that is away when nobody wants the count any more', async () => {
    const object = new PlayedObject();
    const away = Object.assign(object, {
      read: () => Promise.reject(new KubeError('connect ECONNREFUSED', { status: 0 })),
    });
    const controller = new AbortController();
    const writer = writerOn(away);
    const call = writer.scale({ replicas: 1 }, controller.signal);
    await turn();
    controller.abort(new Error('not any more'));
    await expect(call).rejects.toThrow('not any more');
    await expect.poll(() => writer.isBusy).toBe(false);
  });

  it('tries again when the object changed but not its count', async () => {
    const object = new PlayedObject();
    const writer = writerOn(object);
    object.delays = [0, 5];
    const call = writer.scale({ replicas: 1 }, never);
    while (object.inFlight === 0) await turn();
    object.version += 1;
    await call;
    expect(object.written).toEqual([1]);
  });

  it('raises what others own from 0 to 1, and does nothing else to it', async () => {
    const object = new PlayedObject();
    const writer = writerOn(object, { isExternal: true });
    await writer.scale({ replicas: 5 }, never);
    await writer.scale({ replicas: 5 }, never);
    await writer.scale({ replicas: 0 }, never);
    expect(object.written).toEqual([1]);
  });

  it('does not begin what its lease may not outlast', async () => {
    const object = new PlayedObject();
    const call = writerOn(object, { leadsForMs: 100 }).scale({ replicas: 1 }, never);
    await expect(call).rejects.toThrow('this gateway does not lead: its lease is about to end');
    expect(object.written).toEqual([]);
  });

  it('lowers nothing before the last leader has drained', async () => {
    const object = new PlayedObject();
    object.set(2);
    object.leadership.lowersFromMs = systemClock.nowMs() + 60_000;
    const writer = writerOn(object);
    await expect(writer.scale({ replicas: 1 }, never)).rejects.toThrow('nothing is lowered yet');
    await writer.scale({ replicas: 3 }, never);
    expect(object.written).toEqual([3]);
  });
});
