import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LaneEnd } from '../../src/relay/traffic.ts';
import { FakeRequest } from './fake-lane.ts';
import { createRig, type RigOptions } from './rig.ts';

const ends: readonly LaneEnd[] = ['answered', 'gone', 'unreachable', 'reset'];

/** What may happen next: somebody comes, one of those there makes a step, time passes, or the limit changes. */
const event = fc.oneof(
  fc.record({ kind: fc.constant('come' as const), isProbe: fc.boolean() }),
  fc.record({ kind: fc.constant('head' as const), who: fc.nat(), status: fc.constantFrom(200, 101, 503) }),
  fc.record({ kind: fc.constant('end' as const), who: fc.nat(), end: fc.constantFrom(...ends) }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(900) }),
  fc.record({ kind: fc.constant('limit' as const), limit: fc.integer({ min: 1, max: 4 }) }),
);
type Event = typeof event extends fc.Arbitrary<infer One> ? One : never;

const options = fc.record({
  concurrency: fc.integer({ min: 0, max: 3 }),
  commentMs: fc.constantFrom(0, 150),
  timeouts: fc.record({
    totalMs: fc.constantFrom(0, 1_000),
    responseStartMs: fc.constantFrom(0, 700),
    idleMs: fc.constantFrom(0, 500),
  }),
});

/** Requests on a rig, played event by event. */
class Play {
  readonly rig: ReturnType<typeof createRig>;
  readonly requests: FakeRequest[] = [];
  readonly #hasLimit: boolean;
  readonly #answered = new Set<FakeRequest>();
  readonly #probes = new Set<FakeRequest>();

  constructor(given: RigOptions) {
    this.rig = createRig(given);
    this.#hasLimit = given.concurrency !== 0;
  }

  get there(): FakeRequest[] {
    return this.requests.filter(({ isOver }) => !isOver);
  }

  /** Those that must have a slot. */
  get running(): number {
    return this.there.filter((request) => request.outbound !== null && !this.#probes.has(request)).length;
  }

  async step(next: Event): Promise<void> {
    const { there, rig } = this;
    const chosen = 'who' in next ? there[next.who % Math.max(1, there.length)] : undefined;
    if (next.kind === 'come') this.#come(next.isProbe);
    else if (next.kind === 'wait') await rig.clock.advance(next.ms);
    else if (next.kind === 'limit' && this.#hasLimit) rig.gate.setLimit('app', next.limit);
    else if (next.kind === 'end' && chosen && (chosen.outbound || next.end === 'gone')) chosen.end(next.end);
    else if (next.kind === 'head' && chosen?.outbound && !this.#answered.has(chosen)) {
      this.#answered.add(chosen);
      chosen.respond(next.status);
    }
    await Promise.resolve();
  }

  #come(isProbe: boolean): void {
    const fields = isProbe ? ['k-kubelet-probe', 'queue'] : ['accept', 'text/event-stream'];
    const request = new FakeRequest(fields, { arrivedAtMs: this.rig.clock.nowMs() });
    if (isProbe) this.#probes.add(request);
    this.requests.push(request.enter(this.rig.traffic));
  }
}

describe('the slots of a sidecar', () => {
  it('are held by those who run, and by nobody else, in whatever order things happen', async () => {
    const property = fc.asyncProperty(options, fc.array(event, { maxLength: 60 }), async (given, events) => {
      const play = new Play(given);
      const { gate, underWay, watchdog, clock, ended } = play.rig;
      for (const next of events) {
        await play.step(next);
        expect(gate.inFlight).toBe(play.running);
        expect(underWay.count).toBe(play.there.length);
      }
      for (const request of play.requests) request.end('gone');
      // The watchdog looks once more, and finds nobody.
      await clock.advance(200);
      // A lane tells the end once; were it to tell it again, nothing more would be given back.
      for (const request of play.requests) request.crossing!.onEnd('gone');
      expect([gate.inFlight, gate.waiting, underWay.count, watchdog.size]).toEqual([0, 0, 0, 0]);
      expect([ended.length, clock.pendingTimers]).toEqual([play.requests.length, 0]);
    });
    await fc.assert(property, { numRuns: 500 });
  });
});
