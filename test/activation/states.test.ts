import { describe, expect, it } from 'vitest';
import { type ActivationSignal, type ActivationState, transition } from '../../src/activation/states.ts';

const signals: ActivationSignal[] = ['woken', 'ready', 'unready', 'failed', 'asleep', 'ending', 'gone'];

/** The documented table, `-` where the state stays. */
const rows: Record<ActivationState, string> = {
  cold: 'starting ready - failed asleep - -',
  starting: '- ready - failed asleep draining cold',
  ready: '- - starting - asleep draining cold',
  asleep: 'starting ready starting failed - draining cold',
  draining: 'starting ready - failed asleep - cold',
  failed: 'starting ready - - asleep - -',
};

describe('the states of a revision', () => {
  it.each(Object.entries(rows))('follow the table from %s', (from, row) => {
    const state = from as ActivationState;
    const expected = row.split(' ').map((to) => (to === '-' ? state : to));
    expect(signals.map((signal) => transition(state, signal))).toEqual(expected);
  });
});
