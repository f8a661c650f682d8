import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LaneEnd } from '../../src/relay/traffic.ts';
import { FakeRequest } from './fake-lane.ts';
import { createRig } from './rig.ts';

const ends: readonly LaneEnd[] = ['answered', 'gone', 'unreachable', 'reset'];

/** What may happen next: somebody comes, one of those there makes a step, or time passes. */
const event = fc.oneof(
  fc.record({ kind: fc.constant('come' as const), isProbe: fc.boolean() }),
  fc.record({ kind: fc.constant('head' as const), who: fc.nat(), status: fc.constantFrom(200, 101, 503) }),
  fc.record({ kind: fc.constant('end' as const), who: fc.nat(), end: fc.constantFrom(...ends) }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(900) }),
  fc.record({ kind: fc.constant('limit' as const), limit: fc.integer({ min: 1, max: 4 }) }),
);

describe('the slots of a sidecar', () => {
  it('are held by those who run, and by nobody else, in whatever order things happen', async () => {
    const limits = fc.integer({ min: 0, max: 3 });
    const timeouts = fc.record({
      totalMs: fc.constantFrom(0, 1_000),
      responseStartMs: fc.constantFrom(0, 700),
      idleMs: fc.constantFrom(0, 500),
    });
    await fc.assert(
      fc.asyncProperty(
        limits,
        timeouts,
        fc.array(event, { maxLength: 60 }),
        async (concurrency, times, events) => {
          const rig = createRig({ concurrency, timeouts: times });
          const requests: FakeRequest[] = [];
          const running = () =>
            requests.filter(({ isOver, outbound, crossing }) => {
              return !isOver && outbound !== null && !(crossing as unknown as { isProbe: boolean }).isProbe;
            });
          for (const next of events) {
            const there = requests.filter(({ isOver }) => !isOver);
            const chosen = 'who' in next ? there[next.who % Math.max(1, there.length)] : undefined;
            if (next.kind === 'come') {
              const fields = next.isProbe ? ['k-kubelet-probe', 'queue'] : [];
              requests.push(new FakeRequest(fields, { arrivedAtMs: rig.clock.nowMs() }).enter(rig.traffic));
            } else if (next.kind === 'head' && chosen?.outbound && !chosen.hasHead)
              chosen.respond(next.status);
            else if (next.kind === 'end' && chosen && (chosen.outbound || next.end === 'gone'))
              chosen.end(next.end);
            else if (next.kind === 'wait') await rig.clock.advance(next.ms);
            else if (next.kind === 'limit' && concurrency > 0) rig.gate.setLimit('app', next.limit);
            await Promise.resolve();
            expect(rig.gate.inFlight).toBe(running().length);
            expect(rig.underWay.count).toBe(requests.filter(({ isOver }) => !isOver).length);
          }
          for (const request of requests) request.end('gone');
          // Each that was answered within `take` is told of its end after it.
          await Promise.resolve();
          for (const request of requests) request.crossing!.onEnd('gone');
          expect([rig.gate.inFlight, rig.gate.waiting, rig.underWay.count, rig.watchdog.size]).toEqual([
            0, 0, 0, 0,
          ]);
          expect(rig.ended).toHaveLength(requests.length);
        },
      ),
      { numRuns: 500 },
    );
  });
});
