import type { Lab, Target } from '../lab.ts';
import { cpuSeconds } from '../proc.ts';
import {
  emptyOutcome,
  interleave,
  type Outcome,
  type Scenario,
  type Subject,
  startTargets,
} from '../scenario.ts';

const streams = 200;

interface StreamsResult {
  readonly tokens: number;
  readonly failed: number;
  readonly firstP50Ms: number;
  readonly firstP99Ms: number;
  readonly relayP50Ms: number;
  readonly relayP99Ms: number;
  readonly gapP99Ms: number;
}

/** Many streams at once. */
export const stream: Scenario = {
  name: 'stream',
  subject: 'pilotlight',
  what: `${streams} SSE streams of 200 tokens (50 with --quick), one every 10 ms, opened 5 ms apart. A relay time is from the backend's write to the client's read.`,
  figures: figures('<= 1.4 x go'),
  run: (lab) => measure(lab, 'pilotlight'),
};

/** The same through the sidecar. */
export const sidecarStream: Scenario = {
  name: 'sidecar-stream',
  subject: 'sidecar',
  what: 'The streams of stream through the sidecar.',
  figures: figures('<= 1.4 x go, aim 1.1 x'),
  run: (lab) => measure(lab, 'sidecar'),
};

function figures(cpuGoal: string): Scenario['figures'] {
  return [
    { name: 'cpu', unit: 's per 1,000 tokens', goal: cpuGoal, digits: 4 },
    { name: 'added first token p50', unit: 'ms', goal: '<= 1.5', digits: 2 },
    { name: 'added first token p99', unit: 'ms', goal: '', digits: 2 },
    { name: 'relay p50', unit: 'ms', goal: '', digits: 2 },
    { name: 'relay p99', unit: 'ms', goal: '', digits: 2 },
    { name: 'gap p99', unit: 'ms', goal: '', digits: 2 },
  ];
}

async function measure(lab: Lab, subject: Subject): Promise<Outcome> {
  const outcome = emptyOutcome();
  const { samples, notes } = outcome;
  const tokens = lab.isQuick ? 50 : 200;
  const backend = await lab.startStub('-tokens', `${tokens}`);
  const names = ['nginx', 'haproxy', 'go', subject] as const;
  const readsModel = subject === 'pilotlight';
  const options = { backendPort: backend.port, concurrency: 2 * streams, readsModel, outcome };
  const targets = [backend, ...(await startTargets(lab, names, options))];
  const flags = ['-count', `${streams}`, '-tokens', `${tokens}`];
  const read = async (target: Target) => {
    const argv = [lab.compiled().load, 'streams', '-address', address(target), ...flags];
    return JSON.parse(await lab.children.output({ name: 'load', argv, cpu: 1 })) as StreamsResult;
  };
  // The gateway's code is compiled first.
  for (const target of targets.filter(({ name }) => name === subject)) await read(target);
  await interleave(targets, lab.isQuick ? 1 : 5, async (target) => {
    const pid = target.name === 'direct' ? null : (target.child?.pid ?? null);
    const cpuBefore = pid === null ? 0 : cpuSeconds(pid);
    const result = await read(target);
    const cpu = pid === null ? 0 : cpuSeconds(pid) - cpuBefore;
    if (result.failed > 0) notes.push(`${target.name}: ${result.failed} of ${streams} streams failed`);
    if (pid !== null) samples.add('cpu', target.name, (cpu / result.tokens) * 1000);
    samples.add('first token p50', target.name, result.firstP50Ms);
    samples.add('first token p99', target.name, result.firstP99Ms);
    samples.add('relay p50', target.name, result.relayP50Ms);
    samples.add('relay p99', target.name, result.relayP99Ms);
    samples.add('gap p99', target.name, result.gapP99Ms);
  });
  for (const quantile of ['p50', 'p99']) {
    const direct = samples.of(`first token ${quantile}`, 'direct');
    for (const name of names) {
      for (const [round, value] of samples.of(`first token ${quantile}`, name).entries()) {
        samples.add(`added first token ${quantile}`, name, value - (direct[round] ?? Number.NaN));
      }
    }
  }
  return outcome;
}

function address(target: Target): string {
  return `127.0.0.1:${target.port}`;
}
