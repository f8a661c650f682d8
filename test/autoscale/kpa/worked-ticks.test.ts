import { describe, expect, it } from 'vitest';
import { calm, desiredScale } from '../../../src/autoscale/kpa/desired-scale.ts';
import { resolvedKpa } from '../../../src/autoscale/kpa/kpa-spec.ts';
import { rowsOf } from './rows.ts';
import { specOf } from './spec-of.ts';

/**
 * One tick each, worked by hand from the published algorithm (knative/serving, pkg/autoscaler/scaling/autoscaler.go).
 * Unless a setting says otherwise a replica takes 10 and is meant for 10 x 0.7 = 7, TBC is 211, and rates are 1000 up
 * and 2 down. `before` is when the panic was last renewed and its count; `ebc` is the excess burst capacity.
 */
const ticks = rowsOf(`
| stable | panic | ready | settings | before | at | desired | ebc | panics | worked by hand |
| 0 | 0 | 0 | - | - | 0 | 0 | -211 | no | 0/7 = 0; at least floor(1/2) = 0; 0 x 10 - 211 - 0 |
| 1 | 1 | 1 | - | - | 0 | 1 | -202 | no | 1/7 up to 1; 10 - 211 - 1 |
| 7 | 7 | 1 | - | - | 0 | 1 | -208 | no | 7/7 is 1, no more; 10 - 211 - 7 |
| 7.1 | 7.1 | 1 | - | - | 0 | 2 | -209 | yes | 7.1/7 up to 2; 2/1 reaches 2; 10 - 211 - 7.1 = -208.1, down to -209 |
| 13.9 | 13.9 | 2 | - | - | 0 | 2 | -205 | no | 13.9/7 up to 2; 2/2 = 1; 20 - 211 - 13.9 = -204.9 |
| 14 | 14 | 2 | - | - | 0 | 2 | -205 | no | 14/7 is 2, no more; 20 - 211 - 14 |
| 14.01 | 14.01 | 2 | - | - | 0 | 3 | -206 | no | just above 2, so 3; 3/2 = 1.5; 20 - 211 - 14.01 = -205.01 |
| 50 | 10 | 5 | - | - | 0 | 8 | -171 | no | 50/7 = 7.14 up to 8; the panic average needs 2 of 5; 50 - 211 - 10 |
| 10 | 70 | 3 | - | - | 0 | 10 | -251 | yes | 70/7 = 10; 10/3 = 3.3 reaches 2; the larger of 2 and 10; 30 - 211 - 70 |
| 10 | 28 | 2 | - | - | 0 | 4 | -219 | yes | 28/7 = 4; 4/2 is 2, which is enough; 20 - 211 - 28 |
| 10 | 27.9 | 3 | - | - | 0 | 2 | -209 | no | 4/3 = 1.3 is below 2, so the stable 10/7 up to 2; 30 - 211 - 27.9 = -208.9 |
| 3 | 7.5 | 1 | - | - | 0 | 2 | -209 | yes | 7.5/7 up to 2, and 2/1 counts, not 1.07; 10 - 211 - 7.5 = -208.5 |
| 30 | 30 | 0 | - | - | 0 | 5 | -241 | yes | none ready counts as one: 30/7 up to 5, 5/1; but it has no room: 0 - 211 - 30 |
| 0 | 0 | 10 | - | - | 0 | 5 | -111 | no | not below floor(10/2) = 5; 100 - 211 |
| 0 | 0 | 5 | - | - | 0 | 2 | -161 | no | not below floor(5/2) = 2; 50 - 211 |
| 0 | 0 | 1 | - | - | 0 | 0 | -201 | no | floor(1/2) = 0; 10 - 211 |
| 0 | 0 | 10 | down=1.5 | - | 0 | 6 | -111 | no | floor(10/1.5 = 6.67) = 6 |
| 0 | 0 | 25 | down=10 | - | 0 | 2 | 39 | no | floor(25/10) = 2; 250 - 211 = 39 |
| 35 | 35 | 10 | - | - | 0 | 5 | -146 | no | 35/7 = 5 is what the rate allows too; 100 - 211 - 35 |
| 100 | 100 | 3 | up=2 | - | 0 | 6 | -281 | yes | 100/7 up to 15, at most 2 x 3 = 6; 15/3 = 5 reaches 2; 30 - 211 - 100 |
| 3 | 3 | 2 | cc=0 target=1 util=1 up=1.1 | - | 0 | 3 | -212 | no | 3/1 = 3, at most 1.1 x 2 = 2.2 up to 3; 3/2 = 1.5; 2 - 211 - 3 |
| 1000 | 1000 | 0 | up=10 | - | 0 | 10 | -1211 | yes | 1000/7 up to 143, at most 10 x 1; 0 - 211 - 1000 |
| 10000 | 10000 | 1 | - | - | 0 | 1000 | -10201 | yes | 1429, at most 1000 x 1; 10 - 211 - 10000 |
| 100 | 100 | 8 | up=2 | - | 0 | 15 | -231 | no | 15, within 16; 15/8 = 1.875; 80 - 211 - 100 |
| 100 | 100 | 7 | up=2 | - | 0 | 14 | -241 | yes | 15, at most 14; the threshold takes 15/7 = 2.14, before the rate; 70 - 211 - 100 |
| 7 | 7 | 13 | - | 0 13 | 10 | 13 | -88 | yes | 1, not below 6; in panic not below 13; 130 - 211 - 7 |
| 7 | 7 | 13 | - | 0 13 | 60 | 13 | -88 | yes | 60 s after its renewal it is not over: 0 + 60 is not before 60 |
| 7 | 7 | 13 | - | 0 13 | 60.001 | 6 | -88 | no | over now: the stable 1, not below floor(13/2) = 6 |
| 20 | 200 | 13 | - | 0 13 | 50 | 29 | -281 | yes | 200/7 up to 29; 29/13 = 2.2 renews it; 130 - 211 - 200 |
| 100 | 120 | 13 | - | 0 13 | 10 | 18 | -201 | yes | 120/7 up to 18; 18/13 = 1.4 renews nothing, but panic still goes up; 130 - 211 - 120 |
| 140 | 70 | 13 | - | 0 13 | 10 | 20 | -151 | yes | the larger of 140/7 = 20 and 70/7 = 10; 130 - 211 - 70 |
| 7 | 200 | 13 | - | 0 13 | 90 | 29 | -281 | yes | it would be over, but 29/13 renews it |
| 1 | 1 | 0 | activation=3 | - | 0 | 3 | -212 | no | 1, and not below 3 since any is needed; the threshold takes 1/1; 0 - 211 - 1 |
| 0 | 0 | 0 | activation=3 | - | 0 | 0 | -211 | no | none is needed |
| 0 | 0 | 5 | activation=3 | - | 0 | 2 | -161 | no | none is needed, so only the rate holds: floor(5/2) |
| 30 | 30 | 5 | activation=3 | - | 0 | 5 | -191 | no | 30/7 up to 5, above 3; 50 - 211 - 30 |
| 1 | 14.5 | 1 | activation=3 | - | 0 | 3 | -216 | yes | 14.5/7 up to 3; 3/1 reaches 2; both are 3; 10 - 211 - 14.5 = -215.5 |
| 10 | 10 | 1 | activation=5 up=2 | - | 0 | 5 | -211 | yes | 10/7 up to 2, which the rate allows; then 5, whatever the rate; 10 - 211 - 10 |
| 71 | 71 | 1 | cc=0 | - | 0 | 2 | -182 | yes | without a limit 100 x 0.7 = 70: 71/70 up to 2; 100 - 211 - 71 |
| 36 | 36 | 2 | cc=0 target=50 | - | 0 | 2 | -147 | no | 50 x 0.7 = 35: 36/35 up to 2; 2 x 50 - 211 - 36 |
| 36 | 36 | 4 | target=50 | - | 0 | 6 | -207 | no | 50 is above what a replica takes, so 10 x 0.7: 36/7 up to 6; 40 - 211 - 36 |
| 3 | 3 | 2 | target=4 | - | 0 | 2 | -206 | no | 4 x 0.7 = 2.8: 3/2.8 up to 2; 8 - 211 - 3 |
| 10 | 10 | 1 | util=1 | - | 0 | 1 | -211 | no | 10/10 is 1; 10 - 211 - 10 |
| 0.02 | 0.02 | 1 | cc=0 target=0.5 util=0.01 | - | 0 | 2 | -211 | yes | 0.005 is lifted to 0.01: 2; 0.5 - 211 - 0.02 = -210.52 |
| 141 | 141 | 1 | metric=rps | - | 0 | 2 | -152 | yes | 200 x 0.7 = 140 a second: 141/140 up to 2; 200 - 211 - 141 |
| 20 | 20 | 2 | metric=rps target=10 cc=3 | - | 0 | 3 | -211 | no | 10 x 0.7, which the limit of 3 does not cap: 20/7 up to 3; 20 - 211 - 20 |
| 9 | 9 | 1 | cc=1 | - | 0 | 13 | -219 | yes | 9/0.7 = 12.86 up to 13; 1 - 211 - 9 |
| 50 | 50 | 1 | tbc=0 | - | 0 | 8 | 0 | yes | 50/7 up to 8; no burst is provided for, so 0 |
| 50 | 50 | 8 | tbc=-1 | - | 0 | 8 | -1 | no | 50/7 up to 8; bursts without limit, so -1 |
| 5 | 5 | 2 | tbc=10 | - | 0 | 1 | 5 | no | 1; 20 - 10 - 5 |
| 10 | 10 | 2 | tbc=10 | - | 0 | 2 | 0 | no | 10/7 up to 2; 20 - 10 - 10: just enough |
| 10.5 | 10.5 | 2 | tbc=10 | - | 0 | 2 | -1 | no | 20 - 10 - 10.5 = -0.5, down to -1 |
| 100 | 100 | 30 | tbc=200 | - | 0 | 15 | 0 | no | 100/7 up to 15 = floor(30/2); 300 - 200 - 100 |
| 10 | 70.1 | 10 | threshold=110 | - | 0 | 11 | -182 | yes | 70.1/7 up to 11; 11/10 = 1.1 reaches 1.1; 100 - 211 - 70.1 = -181.1 |
| 10 | 63 | 1 | threshold=1000 | - | 0 | 2 | -264 | no | 63/7 = 9 is below 10, so the stable 10/7 up to 2; 10 - 211 - 63 |
| 10 | 64 | 1 | threshold=1000 | - | 0 | 10 | -265 | yes | 64/7 up to 10 reaches 10; 10 - 211 - 64 |
`);

describe('a tick of the KPA, worked by hand', () => {
  it.each(ticks.map((row) => [row.title, row] as const))('%s', (_title, row) => {
    const [sinceS, count] = row.text('before').split(' ').map(Number);
    const isCalm = row.text('before') === '-';
    const result = desiredScale({
      averages: { stable: row.number('stable'), panic: row.number('panic') },
      ready: row.number('ready'),
      spec: resolvedKpa(specOf(row.text('settings'))),
      state: isCalm ? calm : { panicAtMs: sinceS! * 1_000, panicCount: count!, delayed: [] },
      nowMs: row.number('at') * 1_000,
    });
    expect(result.desired).toBe(row.number('desired'));
    expect(result.excessBurstCapacity).toBe(row.number('ebc'));
    expect(result.state.panicAtMs !== null).toBe(row.text('panics') === 'yes');
  });
});
