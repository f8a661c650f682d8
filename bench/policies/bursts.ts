import { type Policy, parsePolicy } from '../../src/simulate/policy.ts';
import { simulate } from '../../src/simulate/simulate.ts';
import { parseSpread } from '../../src/simulate/spread.ts';
import { type Trace, TraceBuilder } from '../../src/simulate/trace.ts';
import { tableOf } from '../markdown-table.ts';

const requests = 200;
const bursts = 4;
/** Between the beginnings of two bursts, and from the last to the end: more than any takes until the count is at zero. */
const gapMs = 3 * 3_600_000;
const secondsPerHour = 3_600;

/** What is learned before: so many bursts at those of `bursts` but the last. */
function burstsOf(execMs: number): Trace {
  const builder = new TraceBuilder();
  for (let burst = 0; burst < bursts; burst++)
    for (let count = 0; count < requests; count++)
      builder.add({ model: 'm', arrivalMs: burst * gapMs, execMs }, 'start');
  return { ...builder.build(), endMs: bursts * gapMs };
}

/** The last of four equal bursts to a model that sleeps, by the default policy and by Knative's. */
export async function burstsSection(): Promise<string> {
  const rows: string[][] = [];
  for (const loadS of [20, 300])
    for (const execS of [0.5, 5, 60]) {
      const load = parseSpread(`${loadS}s`);
      const shape = { concurrency: 10, max: 20, load };
      for (const policy of policiesOf((text) => parsePolicy(text, shape)))
        rows.push([`${loadS} s`, `${execS} s`, policy.name, ...(await cellsOf(policy, loadS, execS))]);
    }
  const head = [
    'start',
    'request',
    'policy',
    'starts',
    'loading s',
    'busy s',
    'idle s',
    'GPU-seconds',
    'wait p95, s',
  ];
  return tableOf(head, rows);
}

async function cellsOf(policy: Policy, loadS: number, execS: number): Promise<string[]> {
  const { replicaHours, waitMs, starts } = await simulate({
    trace: burstsOf(execS * 1_000),
    policy,
    load: parseSpread(`${loadS}s`),
    seed: 1,
    judgeFromMs: (bursts - 1) * gapMs,
    price: null,
  });
  const { loading, busy, idle } = replicaHours;
  const seconds = [loading, busy, idle, loading + busy + idle].map((hours) => hours * secondsPerHour);
  return [
    String(starts),
    ...seconds.map((value) => value.toFixed(0)),
    ((waitMs?.p95 ?? Number.NaN) / 1_000).toFixed(1),
  ];
}

/** The default, Knative's with its own defaults, and Knative's which keeps its last replica as long as the default does. */
function policiesOf(parse: (text: string) => Policy): Policy[] {
  const kpa = parse('kpa');
  const knative = kpa.settings.revision.scale.kpa;
  return [
    withScale('default', parse('fixed:5m'), { thrashWindowMs: 60_000 }),
    kpa,
    withScale('kpa, last one kept 5 m', kpa, { kpa: { ...knative, podRetentionMs: 300_000 } }),
  ];
}

type Scale = Policy['settings']['revision']['scale'];

function withScale(name: string, { settings }: Policy, changed: Partial<Scale>): Policy {
  const { revision } = settings;
  return {
    name,
    settings: { ...settings, revision: { ...revision, scale: { ...revision.scale, ...changed } } },
  };
}
