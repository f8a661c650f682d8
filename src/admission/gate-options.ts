import type { BalanceSettings } from '../config/settings.ts';
import type { Clock } from '../core/clock.ts';
import type { PilotlightError } from '../core/errors.ts';

/** What a gate obeys. */
export interface GateSettings {
  /** Named in errors. */
  readonly model: string;
  /** Most requests that wait. */
  readonly max: number;
  /** Most bytes of their bodies. */
  readonly maxBytes: number;
  readonly balance: BalanceSettings;
}

/** What a gate tells and asks. */
export interface GateOptions {
  readonly settings: GateSettings;
  readonly clock: Clock;
  /** Somebody queued although replicas take requests. It may add slots, but must not refuse waiters. */
  onDemand(): void;
  /** Somebody enters while no replica takes requests: wakes the model, and may refuse. */
  whenCold(deadlineMs: number): PilotlightError | null;
  /** More jobs are queued than before: more replicas may be needed, or the first one. Must not refuse waiters. */
  onBacklog?(): void;
  /** Milliseconds until the model is ready; null when it is, or when that is not known. */
  etaMs(): number | null;
  /** Somebody entered after nothing had waited or run for `gapMs`; `arrived` had come before that. Must not throw. */
  onReturn?(gapMs: number, arrived: number): void;
  /** From now on nothing waits or runs. Must not throw, nor call the gate. */
  onRest?(): void;
  /** From 0 up to 1. Default Math.random. */
  readonly random?: () => number;
  /** Shares of the priority classes when all of them wait. Default 16:4:1. */
  readonly weights?: readonly [number, number, number];
  /** Share of a tenant among those of its class, 0.001 or more. Default 1 each. */
  tenantWeight?(tenant: string): number;
}
