import type { ActivationEvent } from './activation/events.ts';
import type { Log } from './meter/log.ts';

const bad: readonly ActivationEvent['type'][] = ['start-failed', 'replica-lost', 'driver-failed'];

/** Writes what happened to a model's replicas: each step of a start only for who debugs. */
export function logEvent(log: Log, model: string, event: ActivationEvent): void {
  const { type, ...facts } = event;
  if (type === 'step') log.debug({ model, ...facts }, type);
  else if (bad.includes(type)) log.warn({ model, ...facts }, type);
  else log.info({ model, ...facts }, type);
}
