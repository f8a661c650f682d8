import { decide, initialScaleState } from '../../src/autoscale/decide.ts';
import { activationPart } from '../../src/config/model-parts.ts';
import type { ScaleSpec, ScaleState } from '../../src/core/scaling.ts';
import { parsePolicy } from '../../src/simulate/policy.ts';
import { parseSpread } from '../../src/simulate/spread.ts';
import { tableOf, verdictOf } from '../markdown-table.ts';
import { median } from '../statistics.ts';

const models = 10_000;
const tickMs = 2_000;
/** After this many, Knative's windows of 60 s are full and the code is compiled. */
const warmTicks = 40;
const ticks = 21;
const goalMs = 50;

/** Processor time of one decision for each of 10,000 models under load. */
export function ticksSection(): string {
  const rows = [
    ['cost-aware', 'fixed:5m'],
    ['kpa', 'kpa'],
  ].map(([name = '', policy = '']) => {
    const costsMs = costsOf(policy);
    const usual = median(costsMs);
    const spread = `${Math.min(...costsMs).toFixed(1)} - ${Math.max(...costsMs).toFixed(1)}`;
    return [name, String(ticks), usual.toFixed(1), spread, `<= ${goalMs}`, verdictOf(usual <= goalMs)];
  });
  return tableOf(['policy', 'ticks', 'median, ms', 'least - greatest', 'goal', ''], rows);
}

function costsOf(policy: string): number[] {
  const { settings } = parsePolicy(policy, { concurrency: 10, max: 20, load: parseSpread('20s') });
  const { scale, concurrency, ready } = activationPart(settings);
  const spec = { ...scale, concurrency, startupMs: ready.startupMs };
  const states = Array.from({ length: models }, () => initialScaleState);
  const costsMs: number[] = [];
  for (let tick = 0; tick < warmTicks + ticks; tick++) {
    const costMs = tickOf(states, spec, tick * tickMs);
    if (tick >= warmTicks) costsMs.push(costMs);
  }
  return costsMs;
}

/** Each model has its own load, from none to 49 requests, a fifth of which wait, and 50 ms are a request's time. */
function tickOf(states: ScaleState[], spec: ScaleSpec, nowMs: number): number {
  const began = process.cpuUsage();
  for (let index = 0; index < models; index++) {
    const load = index % 50;
    const waiting = Math.floor(load / 5);
    const inFlight = load - waiting;
    const ended = (inFlight * nowMs) / 50;
    const demand = {
      arrived: ended + load,
      ended,
      waitingMs: waiting * nowMs,
      inFlightMs: inFlight * nowMs,
    };
    const idleSinceMs = load === 0 ? 0 : null;
    const counts = { waiting, inFlight, idleSinceMs, ready: 3, starting: 0, isWanted: false };
    states[index] = decide({ ...counts, startMs: 20_000, demand }, spec, states[index]!, nowMs).state;
  }
  const { user, system } = process.cpuUsage(began);
  return (user + system) / 1_000;
}
