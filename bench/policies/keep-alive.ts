import { cutAt } from '../../src/simulate/cut-trace.ts';
import { parsePolicy } from '../../src/simulate/policy.ts';
import { type PolicyFigures, simulate } from '../../src/simulate/simulate.ts';
import { parseSpread } from '../../src/simulate/spread.ts';
import type { Trace } from '../../src/simulate/trace.ts';
import { tableOf, verdictOf } from '../markdown-table.ts';
import { bisect, interpolate, type Point } from './matching.ts';

const dayMs = 86_400_000;
const chosenOnMs = 8 * dayMs;
const load = parseSpread('22.7s');
const seed = 1;

/** Fixed times in seconds, and the least share of fewer cold requests at each. */
const goals = [
  { fixedS: 60, least: 0 },
  { fixedS: 180, least: 0 },
  { fixedS: 600, least: 0.08 },
  { fixedS: 1_200, least: 0.1 },
  { fixedS: 1_800, least: 0 },
] as const;

/** Each is a twelfth longer than the one before: 15 s up to two hours. */
const curveTimesS = Array.from({ length: 78 }, (_, step) => Math.round(15 * (13 / 12) ** step));

/** Adaptive against a fixed idle time with the same idle hours, on requests that its settings were not chosen by. */
export async function keepAliveSection(trace: Trace): Promise<string> {
  const early = cutAt(trace, chosenOnMs);
  const curve: Point[] = [];
  for (const timeS of curveTimesS) {
    const { replicaHours, coldRequests } = await judged(trace, `fixed:${timeS}s`);
    curve.push({ x: replicaHours.idle, y: coldRequests });
  }
  const rows: string[][] = [];
  for (const { fixedS, least } of goals) {
    const costS = await costLike(early, fixedS);
    const fixed = await judged(trace, `fixed:${fixedS}s`);
    const adaptive = await judged(trace, `adaptive:${costS}s`);
    const equal = interpolate(curve, adaptive.replicaHours.idle);
    const fewer = 1 - adaptive.coldRequests / equal;
    rows.push([
      `${fixedS} s`,
      `${costS} s`,
      ...[fixed, adaptive].flatMap((one) => [String(one.coldRequests), one.replicaHours.idle.toFixed(1)]),
      equal.toFixed(0),
      `${(fewer * 100).toFixed(1)} %`,
      least === 0 ? 'not worse' : `>= ${least * 100} %`,
      verdictOf(fewer >= least),
    ]);
  }
  const head = [
    'fixed time',
    'cold start cost of adaptive',
    'cold, fixed',
    'idle h, fixed',
    'cold, adaptive',
    'idle h, adaptive',
    'cold, fixed with as many idle h',
    'fewer cold',
    'goal',
    '',
  ];
  return tableOf(head, rows);
}

/** The cost of a cold start, in seconds, with which adaptive has as many idle hours as the fixed time. */
async function costLike(early: Trace, fixedS: number): Promise<number> {
  const idleHours = async (policy: string) => (await played(early, policy, 0)).replicaHours.idle;
  return bisect({
    from: 1,
    to: 86_400,
    target: await idleHours(`fixed:${fixedS}s`),
    tolerance: 0.005,
    valueAt: (costS) => idleHours(`adaptive:${costS}s`),
  });
}

function judged(trace: Trace, policy: string): Promise<PolicyFigures> {
  return played(trace, policy, chosenOnMs);
}

function played(trace: Trace, policy: string, judgeFromMs: number): Promise<PolicyFigures> {
  const shape = { concurrency: 100, max: 1, load };
  return simulate({ trace, policy: parsePolicy(policy, shape), load, seed, judgeFromMs, price: null });
}
