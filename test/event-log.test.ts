import { expect, it } from 'vitest';
import type { ActivationEvent } from '../src/activation/events.ts';
import { logEvent } from '../src/event-log.ts';
import { createLog } from '../src/meter/log.ts';

/** The line of an event, parsed; undefined: there is none at level info. */
function lineOf(event: ActivationEvent): Record<string, unknown> | undefined {
  const lines: string[] = [];
  logEvent(createLog('info', { write: (line) => lines.push(line) }), 'llama', event);
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)[0];
}
const warning = 40;
const information = 30;

it('a driver that failed is a warning with the words of its error', () => {
  const line = lineOf({ type: 'driver-failed', error: new Error('403 Forbidden') });
  expect(line).toMatchObject({
    level: warning,
    model: 'llama',
    msg: 'driver-failed',
    err: { message: '403 Forbidden' },
  });
});

it('a condition is a warning when it comes, and none when it goes', () => {
  const condition = { type: 'condition', condition: 'Stale', message: 'the cluster is not seen' } as const;
  expect(lineOf({ ...condition, isPresent: true })).toMatchObject({ level: warning, condition: 'Stale' });
  expect(lineOf({ ...condition, isPresent: false })).toMatchObject({ level: information });
});

it('a step of a start is for who debugs', () => {
  expect(lineOf({ type: 'step', replicaId: 'r1', step: 'port open', offsetMs: 1 })).toBeUndefined();
});

it('milliseconds have three decimals at most', () => {
  const steps = [{ name: 'spawned', offsetMs: 1.23456789 }];
  const line = lineOf({ type: 'ready', replicaId: 'r1', totalMs: 3214.522199999, steps });
  expect(line).toMatchObject({ totalMs: 3214.522, steps: [{ name: 'spawned', offsetMs: 1.235 }] });
});
