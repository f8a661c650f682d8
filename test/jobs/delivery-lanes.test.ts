import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeliveryLanes, type LaneItem } from '../../src/jobs/delivery-lanes.ts';

const limits = { all: 6, perHost: 3, perAilingHost: 1, waitingPerHost: 5 };
const item = (host: string, jobId: string): LaneItem => ({ host, jobId });

/** All whose turn it is now. */
function turns(lanes: DeliveryLanes<LaneItem>): LaneItem[] {
  const out: LaneItem[] = [];
  for (let next = lanes.next(); next !== null; next = lanes.next()) out.push(next);
  return out;
}

describe('turns at receivers', () => {
  it('go round the hosts, so that many for one leave room for the others', () => {
    const lanes = new DeliveryLanes(limits);
    for (let i = 0; i < 5; i++) lanes.add(item('slow', `slow-${i}`));
    lanes.add(item('other', 'o-1'));
    expect(turns(lanes).map(({ jobId }) => jobId)).toEqual(['slow-0', 'o-1', 'slow-1', 'slow-2']);
  });

  it('are one at a time for a host that did not answer, until it does', () => {
    const lanes = new DeliveryLanes(limits);
    const items = ['a', 'b', 'c', 'd'].map((jobId) => item('host', jobId));
    for (const one of items) lanes.add(one);
    const [first, second, third] = turns(lanes);
    for (const one of [first!, second!, third!]) lanes.done(one, { isAnswered: false, tookMs: 20_000 });
    lanes.add(item('host', 'e'));
    expect(turns(lanes).map(({ jobId }) => jobId)).toEqual(['d']);
    lanes.done(items[3]!, { isAnswered: true, tookMs: 5 });
    for (const jobId of ['f', 'g']) lanes.add(item('host', jobId));
    expect(turns(lanes).map(({ jobId }) => jobId)).toEqual(['e', 'f', 'g']);
  });

  it('of one job come one after the other', () => {
    const lanes = new DeliveryLanes(limits);
    const [start, completed] = [item('host', 'job'), item('host', 'job')];
    for (const one of [start, completed, item('host', 'another')]) lanes.add(one);
    expect(turns(lanes)).toEqual([start, item('host', 'another')]);
    lanes.done(start, { isAnswered: true, tookMs: 1 });
    expect(lanes.next()).toBe(completed);
  });

  it('are put off, longer and longer, where a host has more than may wait', () => {
    const lanes = new DeliveryLanes(limits);
    const waits = Array.from({ length: 8 }, (_, i) => lanes.add(item('host', `${i}`)));
    expect(waits.slice(0, 5)).toEqual([null, null, null, null, null]);
    expect(waits[5]).toBeGreaterThan(0);
    expect(waits[7]).toBeGreaterThan(waits[6]!);
    expect(lanes.add(item('other', 'x'))).toBeNull();
  });

  it('never exceed a limit, lose nothing and hand nothing out twice', () => {
    const step = fc.oneof(
      fc.record({ add: fc.tuple(fc.nat(3), fc.nat(6)) }),
      fc.constant('next' as const),
      fc.record({ done: fc.nat(9), isAnswered: fc.boolean() }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const lanes = new DeliveryLanes(limits);
        const running: LaneItem[] = [];
        let taken = 0;
        let finished = 0;
        for (const one of steps) {
          if (one === 'next') {
            const next = lanes.next();
            if (next !== null) running.push(next);
          } else if ('add' in one) {
            if (lanes.add(item(`h${one.add[0]}`, `j${one.add[1]}`)) === null) taken++;
          } else {
            const [done] = running.splice(one.done, 1);
            if (done === undefined) continue;
            lanes.done(done, { isAnswered: one.isAnswered, tookMs: 10 });
            finished++;
          }
          expect(lanes.size).toBe(taken - finished);
          expect(running.length).toBeLessThanOrEqual(limits.all);
          expect(new Set(running.map(({ jobId }) => jobId)).size).toBe(running.length);
          for (const host of ['h0', 'h1', 'h2', 'h3'])
            expect(running.filter((held) => held.host === host).length).toBeLessThanOrEqual(limits.perHost);
        }
        expect(lanes.clear().length + running.length).toBe(taken - finished);
      }),
    );
  });
});
