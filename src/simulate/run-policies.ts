import { formatDuration } from '../config/quantities.ts';
import { systemClock } from '../core/clock.ts';
import { fitSettings } from './fit/fit.ts';
import type { Target } from './fit/target.ts';
import { type GenerateOptions, generate } from './generate.ts';
import { type Plots, Plotter } from './plots.ts';
import type { ModelShape, Policy } from './policy.ts';
import { type ReadTraceOptions, readTrace, type TraceReport } from './read-trace.ts';
import type { SimulationReport } from './report.ts';
import { checkNeeds, type SharedGpus } from './shared-gpus.ts';
import { type PolicyFigures, simulate } from './simulate.ts';
import { TraceBuilder } from './trace.ts';

/** A whole simulation: what is played, against which policies. */
export interface RunOptions {
  /** Files, in the order in which they are read. */
  readonly traces: readonly string[];
  readonly reading: ReadTraceOptions;
  /** Without arrivals nothing is made up. */
  readonly generating: GenerateOptions;
  readonly policies: readonly Policy[];
  readonly shape: ModelShape;
  /** GPUs that the models share; null: there are always enough. */
  readonly gpus: SharedGpus | null;
  /** Null: from the beginning on; where settings are looked for, the second half. */
  readonly judgeFromMs: number | null;
  readonly price: number | null;
  readonly seed: number;
  /** What else is drawn; null: nothing. `model` null: the one that was asked most on one day. */
  readonly plots: { readonly model: string | null } | null;
  /** What settings are looked for; null: none. */
  readonly target: Target | null;
}

/** What came of it. */
export interface Run {
  readonly report: SimulationReport;
  readonly plots: Plots | null;
}

const msPerHour = 3_600_000;

/** Reads the traces once and plays them against each policy in turn. Rejects with an Error for people. */
export async function runPolicies(options: RunOptions): Promise<Run> {
  const { price, seed, shape, generating, target } = options;
  const { load } = shape;
  const builder = new TraceBuilder();
  const traces: TraceReport[] = [];
  for (const file of options.traces) traces.push(await readTrace(file, builder, options.reading));
  const generated = generate(builder, generating);
  const trace = builder.build();
  if (trace.count === 0) throw new Error('there is no request to simulate');
  const lastMs = trace.arrivalMs.at(-1)!;
  const judgeFromMs = options.judgeFromMs ?? (target === null ? 0 : wholeSeconds(lastMs / 2));
  if (judgeFromMs > lastMs)
    throw new Error(
      `nothing is left to judge: the last request comes ${formatDuration(Math.round(lastMs))} after the first`,
    );
  const { gpus } = options;
  if (gpus !== null) checkNeeds(gpus, trace.models);
  const base = { trace, load, seed, judgeFromMs, price, gpus };
  const { policies } = options;
  const plotter = options.plots && new Plotter({ base, shape, policies, ...options.plots });
  const figures: PolicyFigures[] = [];
  for (const policy of policies) {
    const day = plotter?.recorderOf(policy);
    figures.push(await simulate({ ...base, policy, ...(day === undefined ? {} : { day }) }));
  }
  const found = target && (await fitSettings({ base, shape, target, clock: systemClock }));
  const report = {
    traces,
    generated,
    requests: trace.count,
    models: trace.models.length,
    hours: hours(trace.endMs),
    judgedFromHours: hours(judgeFromMs),
    load: load.text,
    concurrency: shape.concurrency,
    maxReplicas: shape.max,
    gpus: gpus?.text ?? null,
    price,
    seed,
    policies: figures,
    fit: found,
  };
  return { report, plots: plotter && (await plotter.plots(figures)) };
}

function wholeSeconds(ms: number): number {
  return Math.round(ms / 1_000) * 1_000;
}

function hours(ms: number): number {
  return Math.round((ms / msPerHour) * 1e6) / 1e6;
}
