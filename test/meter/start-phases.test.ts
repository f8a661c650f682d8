import { describe, expect, it } from 'vitest';
import { phasesOf, StartDetails, serverTimingOf } from '../../src/meter/start-phases.ts';

const moments = [
  { name: 'patched', offsetMs: 2 },
  { name: 'container started', offsetMs: 40.4 },
  { name: 'scheduled', offsetMs: 12 },
];

describe('phases of a start', () => {
  it('are the times between its moments, in the order in which they came', () => {
    expect(phasesOf(moments)).toEqual([
      { name: 'patched', durationMs: 2 },
      { name: 'scheduled', durationMs: 10 },
      { name: 'container started', durationMs: 28.4 },
    ]);
  });

  it('are written as Server-Timing, whose names have no spaces', () => {
    const expected = 'patched;dur=2, scheduled;dur=10, container-started;dur=28';
    expect(serverTimingOf(phasesOf(moments))).toBe(expected);
  });
});

describe('details of starts', () => {
  it('are kept for the last 64 replicas', () => {
    const details = new StartDetails();
    for (let count = 0; count < 65; count++)
      details.add(`m#${count}`, [{ name: 'spawned', offsetMs: count }]);
    expect(details.get('m#0')).toBeNull();
    expect(details.get('m#1')).toBe('spawned;dur=1');
    expect(details.get('m#64')).toBe('spawned;dur=64');
  });
});
