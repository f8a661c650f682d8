import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Lab, Unavailable } from './lab.ts';
import { renderScenario } from './report.ts';
import { emptyOutcome, type Outcome, type Scenario } from './scenario.ts';
import { body } from './scenarios/body.ts';
import { cold } from './scenarios/cold.ts';
import { drain, holdLarge, holdSmall } from './scenarios/hold.ts';
import { jobsAccept, jobsQueued, jobsSync } from './scenarios/jobs.ts';
import { jobsBatch } from './scenarios/jobs-batch.ts';
import { limited, sidecarLimit } from './scenarios/limit.ts';
import { sidecarStartup, startup } from './scenarios/startup.ts';
import { sidecarStream, stream } from './scenarios/stream.ts';
import { latency, sidecarLatency, sidecarWarm, warm } from './scenarios/warm.ts';
import { versions } from './tools.ts';

const all: readonly Scenario[] = [
  startup,
  warm,
  latency,
  limited,
  stream,
  holdSmall,
  holdLarge,
  drain,
  cold,
  body,
  jobsAccept,
  jobsQueued,
  jobsSync,
  jobsBatch,
  sidecarStartup,
  sidecarWarm,
  sidecarLatency,
  sidecarLimit,
  sidecarStream,
];
/** When --quick stops, whatever is still running, counted from the start of the process. */
const quickLimitMs = 55_000;
const resultsPath = join(import.meta.dirname, 'results.md');

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { quick: { type: 'boolean' }, only: { type: 'string' }, write: { type: 'boolean' } },
  });
  const isQuick = values.quick ?? false;
  const chosen = choose(values.only);
  const lab = new Lab(isQuick);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void lab.close().finally(() => process.exit(signal === 'SIGINT' ? 130 : 143)));
  }
  const sections: string[] = [];
  try {
    for (const scenario of chosen) {
      const section = renderScenario(scenario, await attempt(scenario, lab));
      console.log(`${section}\n`);
      sections.push(section);
    }
  } finally {
    await lab.close();
  }
  if (isQuick || (values.only !== undefined && !values.write)) return;
  const written = values.only === undefined ? [] : keptSections(chosen);
  writeFileSync(resultsPath, `${[preamble(), ...inOrder([...written, ...sections])].join('\n\n')}\n`);
  console.log(`written: ${resultsPath}`);
}

/** What results.md says of the scenarios that were not run. */
function keptSections(chosen: readonly Scenario[]): string[] {
  const [, ...sections] = readFileSync(resultsPath, 'utf8').split(/^(?=## )/m);
  return sections
    .map((section) => section.trimEnd())
    .filter((section) => !chosen.includes(scenarioOf(section)!));
}

function inOrder(sections: readonly string[]): string[] {
  return sections.toSorted((a, b) => all.indexOf(scenarioOf(a)!) - all.indexOf(scenarioOf(b)!));
}

function scenarioOf(section: string): Scenario | undefined {
  const name = /^## (\S+)/.exec(section)?.[1];
  return all.find((scenario) => scenario.name === name);
}

function choose(only: string | undefined): readonly Scenario[] {
  if (only === undefined) return all;
  return only.split(',').map((name) => {
    const scenario = all.find((candidate) => candidate.name === name);
    if (scenario !== undefined) return scenario;
    throw new Error(`no scenario "${name}"; there are ${all.map((known) => known.name).join(', ')}`);
  });
}

/** A scenario that fails is reported in its place, and the others go on. */
async function attempt(scenario: Scenario, lab: Lab): Promise<Outcome> {
  const timeIsUp = new Unavailable('the time of --quick is used up');
  try {
    if (!lab.isQuick) return await scenario.run(lab);
    const leftMs = quickLimitMs - performance.now();
    if (leftMs <= 0) throw timeIsUp;
    const limit = sleep(leftMs, undefined, { ref: false }).then(() => Promise.reject(timeIsUp));
    return await Promise.race([scenario.run(lab), limit]);
  } catch (error) {
    if (!(error instanceof Unavailable)) process.exitCode = 1;
    const what = error instanceof Unavailable ? 'not measured' : 'failed';
    return { ...emptyOutcome(), notes: [`${what}: ${error instanceof Error ? error.message : error}`] };
  } finally {
    await lab.close();
  }
}

function preamble(): string {
  return `# Results of \`npm run bench\`

Medians of at least five interleaved rounds; a ratio is that of pilotlight, or of its sidecar, over the reference, taken
round by round: median (least-greatest). Only ratios compare between machines, and sections may be of different runs. What
each figure means: README.md.
Of a gateway in a cluster: [results-kubernetes.md](results-kubernetes.md); of the autoscaler: [results-policies.md](results-policies.md).

${versions()
  .map((line) => `- ${line}`)
  .join('\n')}`;
}

await main();
// A scenario that --quick cut off may still be waiting for something.
process.exit();
