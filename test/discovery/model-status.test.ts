import { expect, it } from 'vitest';
import { type ModelReport, statusOf } from '../../src/discovery/model-status.ts';

const report: ModelReport = {
  ...{ key: 'model llm/m', refusal: null, phase: 'Starting', replicas: 1, readyReplicas: 0, waiting: 1 },
  ...{ inFlight: 0, lastColdStart: null, etaMs: null, step: null, reason: null, conditions: [] },
};
const at = { generation: 1, before: null, wallMs: 0 };

it.each([
  [0, '0s'],
  [340, '0.3s'],
  [4_230, '4.2s'],
  [9_960, '10s'],
  [59_700, '1m'],
  [125_000, '2m5s'],
  [3_600_000, '60m'],
])('a cold start of %i ms took %s', (totalMs, took) => {
  const lastColdStart = { atMs: 0, totalMs, slowestStep: null };
  expect(statusOf({ ...report, lastColdStart }, at).lastColdStart).toMatchObject({ ms: totalMs, took });
});

it('tells the time that is left in steps of 5 s, as a number and for people', () => {
  expect(statusOf({ ...report, etaMs: 61_000 }, at)).toMatchObject({ etaMs: 65_000, eta: '1m5s' });
  expect(statusOf(report, at)).toMatchObject({ etaMs: null, eta: null });
});
