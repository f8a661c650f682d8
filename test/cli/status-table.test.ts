import { describe, expect, it } from 'vitest';
import { type ModelRow, statusTable } from '../../src/cli/status-table.ts';

const wallMs = 1_700_000_000_000;
const idle: ModelRow = {
  model: 'llama',
  state: 'cold',
  step: null,
  etaMs: null,
  inFlight: 0,
  queue: { waiting: 0 },
  replicas: [],
  lastStarts: [],
  failure: null,
  rollout: null,
  overrides: {},
  overridesFault: null,
};

/** The cells of the only model, by the header's words. */
function cellsOf(model: Partial<ModelRow>): Record<string, string> {
  const [header, line] = statusTable([{ ...idle, ...model }], wallMs).split('\n') as [string, string];
  const starts = [...header.matchAll(/\S+( \S+)*/g)].map(({ index }) => index);
  return Object.fromEntries(
    starts.map((start, at) => [
      header.slice(start, starts[at + 1]).trim(),
      line.slice(start, starts[at + 1]).trim(),
    ]),
  );
}

describe('the table of models', () => {
  it('has its columns below each other, numbers to the right', () => {
    const starting: ModelRow = {
      ...idle,
      model: 'qwen-32b-instruct',
      state: 'starting',
      step: 'loading',
      etaMs: 12_340,
      inFlight: 0,
      queue: { waiting: 120 },
      replicas: [{ state: 'starting' }],
      lastStarts: [{ outcome: 'running', startedAtMs: wallMs - 8_000, totalMs: null }],
    };
    expect(statusTable([idle, starting], wallMs)).toBe(
      [
        'MODEL              STATE               REPLICAS  WAITING  IN FLIGHT  LAST START      ETA    NOTE',
        'llama              cold                0/0             0          0  -               -',
        'qwen-32b-instruct  starting (loading)  0/1           120          0  running for 8s  12.3s',
        '',
      ].join('\n'),
    );
  });

  it('notes what was changed at run time, and where that is not in force', () => {
    const overrides = { min: 1, idle: '1h' };
    expect(cellsOf({ overrides }).NOTE).toBe('changed at run time: min, idle');
    const overridesFault = 'scale.min: must be at most scale.max, which is 1';
    expect(cellsOf({ overrides, overridesFault }).NOTE).toBe(
      'not in force: scale of run time (scale.min: must be at most scale.max, which is 1)',
    );
  });

  it('counts the replicas that take requests among all', () => {
    const replicas = ['ready', 'starting', 'ready', 'draining'].map((state) => ({ state }));
    expect(cellsOf({ replicas }).REPLICAS).toBe('2/4');
  });

  it.each([
    [{ outcome: 'ready', startedAtMs: wallMs - 59_999, totalMs: 3_210 }, 'ready in 3.2s, 59s ago'],
    [{ outcome: 'failed', startedAtMs: wallMs - 3_599_000, totalMs: 500 }, 'failed in 0.5s, 59m ago'],
    [{ outcome: 'stopped', startedAtMs: wallMs - 7_200_000, totalMs: 0 }, 'stopped in 0.0s, 2h ago'],
    [{ outcome: 'ready', startedAtMs: wallMs - 400_000_000, totalMs: 90_000 }, 'ready in 90.0s, 4d ago'],
    [{ outcome: 'ready', startedAtMs: wallMs + 5_000, totalMs: 1_000 }, 'ready in 1.0s, 0s ago'],
  ])('tells the newest start: %j', (start, text) => {
    const older = { outcome: 'failed', startedAtMs: 0, totalMs: 1 };
    expect(cellsOf({ lastStarts: [start, older] })['LAST START']).toBe(text);
  });

  it('notes why the last start failed, and the revision that is to follow', () => {
    expect(cellsOf({ failure: { reason: 'exited with code 1' } }).NOTE).toBe('exited with code 1');
    const rollout = { state: 'starting', step: 'port open' };
    expect(cellsOf({ rollout, failure: { reason: 'x' } }).NOTE).toBe(
      'next revision: starting (port open); x',
    );
  });

  it("keeps a backend's words in their line, whatever they contain", () => {
    const { NOTE } = cellsOf({ failure: { reason: 'bad\r\n\u001b[31mred\u2028\u202eright' } });
    expect(NOTE).toBe('bad [31mred right');
  });

  it('is only a header where there is no model', () => {
    expect(statusTable([], wallMs)).toMatch(/^MODEL .* NOTE\n$/);
  });
});
