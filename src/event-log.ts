import type { ActivationEvent } from './activation/events.ts';
import type { Log } from './meter/log.ts';
import type { ModelMeter } from './meter/model-meter.ts';

const bad: readonly ActivationEvent['type'][] = [
  'start-failed',
  'replica-lost',
  'driver-failed',
  'sleep-failed',
  'wake-failed',
];

/** Writes what happened to a model's replicas: each step of a start only for who debugs. */
export function logEvent(log: Log, model: string, event: ActivationEvent): void {
  const { type, ...facts } = event;
  if (type === 'step') log.debug({ model, ...rounded(facts) }, type);
  else if (isBad(event)) log.warn({ model, ...factsOf(event) }, type);
  else log.info({ model, ...rounded(facts) }, type);
}

/** Counts what happened to a model's replicas. */
export function meterEvent(meter: ModelMeter, event: ActivationEvent): void {
  if (event.type === 'ready') meter.startedReady(event.totalMs, event.steps);
  if (event.type === 'start-failed') meter.startFailed(event.phase);
  if (event.type === 'awake') meter.awoke(event.rung, event.wakeMs);
  if (event.type === 'sleep-failed') meter.sleepFailed(event.rung);
  if (event.type === 'wake-failed') meter.wakeFailed(event.rung);
  if (event.type === 'thrash') meter.thrashed();
  if (event.type === 'evicted') meter.evicted(event.replicas);
}

/** Something that somebody should look at. */
function isBad(event: ActivationEvent): boolean {
  return bad.includes(event.type) || (event.type === 'condition' && event.isPresent);
}

/** An error is written out under the name `err` alone. */
function factsOf({ type, ...facts }: ActivationEvent): object {
  if (!('error' in facts)) return rounded(facts);
  const { error: err, ...rest } = facts;
  return { ...rounded(rest), err };
}

/** With numbers of three decimals at most, within lists as well. */
function rounded<T>(facts: T): T {
  return JSON.parse(JSON.stringify(facts), (_, value) =>
    typeof value === 'number' ? Math.round(value * 1_000) / 1_000 : value,
  );
}
