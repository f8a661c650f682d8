import { generate, parseArrivals } from '../../src/simulate/generate.ts';
import { parsePolicy } from '../../src/simulate/policy.ts';
import { simulate } from '../../src/simulate/simulate.ts';
import { parseSpread } from '../../src/simulate/spread.ts';
import { type Trace, TraceBuilder } from '../../src/simulate/trace.ts';
import { tableOf } from '../markdown-table.ts';

const dayMs = 86_400_000;
const load = parseSpread('22.7s');
const seed = 1;

const kinds = ['regular:1/hx10', 'regular:4/dx10', 'poisson:1/hx10'] as const;
const policies = ['fixed:5m', 'fixed:1h10m', 'adaptive:10m', 'adaptive:25m', 'adaptive:1h'] as const;

/** Requests by the clock, and others: the second of two fortnights. */
export async function aheadSection(): Promise<string> {
  const rows: string[][] = [];
  for (const kind of kinds) {
    const trace = traceOf(kind);
    for (const name of policies) {
      const policy = parsePolicy(name, { concurrency: 100, max: 1, load });
      const { requests, coldShare, starts, replicaHours } = await simulate({
        trace,
        policy,
        load,
        seed,
        judgeFromMs: 14 * dayMs,
        price: null,
      });
      const { idle, loading } = replicaHours;
      const cold = `${(coldShare * 100).toFixed(1)} %`;
      rows.push([kind, name, String(requests), cold, String(starts), idle.toFixed(1), loading.toFixed(1)]);
    }
  }
  return tableOf(['arrivals', 'policy', 'requests', 'cold', 'starts', 'idle h', 'loading h'], rows);
}

function traceOf(arrivals: string): Trace {
  const builder = new TraceBuilder();
  const options = { durationMs: 28 * dayMs, exec: parseSpread('5s'), seed };
  generate(builder, { ...options, arrivals: parseArrivals(arrivals) });
  return builder.build();
}
