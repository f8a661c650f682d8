import { describe, expect, it } from 'vitest';
import { initialScaleState } from '../../../src/autoscale/decide.ts';
import { decideKpa } from '../../../src/autoscale/kpa/decide-kpa.ts';
import type { ScaleState } from '../../../src/core/scaling.ts';
import { baseSpec } from './spec-of.ts';

const models = 10_000;

/** Milliseconds of processor time for one tick of all models at `nowMs`, each with its own load. */
function tick(states: ScaleState[], nowMs: number): number {
  const began = process.cpuUsage();
  for (let index = 0; index < models; index++) {
    const load = index % 50;
    const demand = { arrived: nowMs, ended: nowMs, waitingMs: 0, inFlightMs: load * nowMs };
    states[index] = decideKpa(
      {
        waiting: 0,
        inFlight: load,
        idleSinceMs: null,
        ready: 3,
        starting: 0,
        isWanted: false,
        startMs: null,
        demand,
      },
      baseSpec,
      states[index]!,
      nowMs,
    ).state;
  }
  const { user, system } = process.cpuUsage(began);
  return (user + system) / 1_000;
}

describe('the cost of the KPA', () => {
  it('decides 10,000 models with full windows within a small part of a tick', () => {
    const states: ScaleState[] = Array.from({ length: models }, () => initialScaleState);
    tick(states, 0);
    tick(states, 100_000);
    const costs = [102, 104, 106, 108, 110, 112, 114].map((second) => tick(states, second * 1_000));
    const usual = costs.sort((a, b) => a - b)[3]!;
    // 50 ms is the aim on a core of its own; one that is shared, with cold caches, gets room.
    expect(usual).toBeLessThan(200);
  });
});
