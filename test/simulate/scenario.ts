import type { DayRecorder } from '../../src/simulate/day.ts';
import { parsePolicy } from '../../src/simulate/policy.ts';
import type { SharedGpus } from '../../src/simulate/shared-gpus.ts';
import { type PolicyFigures, simulate } from '../../src/simulate/simulate.ts';
import { parseSpread } from '../../src/simulate/spread.ts';
import { type Trace, TraceBuilder } from '../../src/simulate/trace.ts';
import type { VirtualClock } from '../../src/simulate/virtual-clock.ts';

/** A request: when it arrives and how long it runs, in seconds, and its model (default `m`). */
export type Request = readonly [arrivalS: number, execS: number, model?: string];

/** A trace that begins at 0. */
export function traceOf(requests: readonly Request[]): Trace {
  const builder = new TraceBuilder();
  for (const [arrivalS, execS, model = 'm'] of requests)
    builder.add({ model, arrivalMs: arrivalS * 1000, execMs: execS * 1000 }, 'start');
  return builder.build();
}

/** What is played, where it is not: loads of 10 s, to zero after 60 s, one replica without a limit that is met. */
export interface Scenario {
  readonly policy?: string;
  readonly load?: string;
  readonly concurrency?: number;
  readonly max?: number;
  readonly judgeFromS?: number;
  readonly price?: number;
  readonly seed?: number;
  readonly clock?: VirtualClock;
  readonly day?: DayRecorder;
  readonly gpus?: SharedGpus;
}

/** Plays requests. */
export function play(
  requests: readonly Request[] | Trace,
  { policy = 'fixed:60s', load = '10s', concurrency = 100, max = 1, ...more }: Scenario = {},
): Promise<PolicyFigures> {
  const spread = parseSpread(load);
  return simulate({
    trace: 'arrivalMs' in requests ? requests : traceOf(requests),
    policy: parsePolicy(policy, { concurrency, max, load: spread }),
    load: spread,
    seed: more.seed ?? 1,
    judgeFromMs: (more.judgeFromS ?? 0) * 1000,
    price: more.price ?? null,
    gpus: more.gpus ?? null,
    ...(more.clock === undefined ? {} : { clock: more.clock }),
    ...(more.day === undefined ? {} : { day: more.day }),
  });
}

/** Replica-seconds, as whole milliseconds allow. */
export function secondsOf({ replicaHours: { busy, idle, loading } }: Pick<PolicyFigures, 'replicaHours'>) {
  const seconds = (hours: number) => Math.round(hours * 3_600_000) / 1000;
  return { busy: seconds(busy), idle: seconds(idle), loading: seconds(loading) };
}
