import type { MetricHolder } from '../../meter/family.ts';
import { registerGauge } from '../../meter/read-gauge.ts';

/** What is known of the app where it is looked at; absent: that option is off, and there is no such gauge. */
export interface AppGauges {
  readonly isLoading?: () => boolean;
  readonly isAsleep?: () => boolean;
  /** Requests at once; 0 = no limit. */
  readonly limit?: () => number;
}

/** Registers the gauges of what is there; nothing of prom-client is loaded for them. */
export function registerAppGauges(holder: MetricHolder, { isLoading, isAsleep, limit }: AppGauges): void {
  const register = (name: string, help: string, read: () => number) =>
    registerGauge(holder, { name, help }, read);
  if (isLoading !== undefined) {
    register('pilotlight_app_loading', 'With loading: 1 while the app says that it is loading.', () =>
      Number(isLoading()),
    );
  }
  if (isAsleep !== undefined) {
    register(
      'pilotlight_app_asleep',
      'With sleep-idle: 1 while the app sleeps, falls asleep or wakes up.',
      () => Number(isAsleep()),
    );
  }
  if (limit !== undefined) {
    register(
      'pilotlight_app_limit',
      'With adaptive: requests that the app may have at once; 0 = no limit.',
      limit,
    );
  }
}
