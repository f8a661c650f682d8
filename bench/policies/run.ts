import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { aheadSection } from './ahead.ts';
import { burstsSection } from './bursts.ts';
import { keepAliveSection } from './keep-alive.ts';
import { ticksSection } from './ticks.ts';
import { readGenai } from './trace-parts.ts';

const only = process.argv.includes('--only') ? process.argv.at(process.argv.indexOf('--only') + 1) : null;
const results = new URL('../results-policies.md', import.meta.url);

const sections: Readonly<Record<string, () => Promise<string>>> = {
  decide: async () => `## decide
Processor time of one tick: a decision for each of 10,000 models with loads of 0 to 49 requests. Load average
${loadavg()[0]!.toFixed(1)} meanwhile.

${ticksSection()}
`,
  bursts: async () => `## bursts
200 requests come in one instant to a model at zero; concurrency 10, at most 20 replicas. The figures are those of the last
of four such bursts, three hours apart: by then the policy knows how long a start and a request take. GPU-seconds are
those of all replicas, loading, busy and idle, until the count is at zero again: after 5 m without requests by the
default policy, by \`kpa\` after Knative's window of 60 s and its grace, and in the third line after 5 m as well. All but
the last one are given back by the default policy when they were not needed for as long as a start takes, by \`kpa\` after
about a minute.

${await burstsSection()}
`,
  ahead: async () => `## ahead
Made-up requests of 5 s to ten models, starts of 22.7 s: by the clock (each up to a hundredth of the distance late), and
without any time of their own. The figures are those of the second of two fortnights. \`adaptive\` starts a replica ahead
where it has seen when requests return; a fixed time either covers the whole distance or none of it.

${await aheadSection()}
`,
  'keep-alive': async () => `## keep-alive
genai-16d, starts of 22.7 s. The cost of a cold start is chosen on the first 8 days alone, so that adaptive has as many
idle replica-hours there as the fixed time; the rest is played once with it, and is what the figures are of. Fewer cold:
than a fixed time that has as many idle hours in the judged part as adaptive had, on the line between 78 fixed times.

${await keepAliveSection(await readGenai(process.env.PILOTLIGHT_TRACES))}
`,
};

async function main(): Promise<void> {
  const names = only === null ? Object.keys(sections) : [only ?? ''];
  const texts: string[] = [];
  for (const name of names) {
    const section = sections[name];
    if (section === undefined) throw new Error(`--only is one of ${Object.keys(sections).join(', ')}`);
    texts.push(await section());
  }
  const text = `# Results of \`npm run bench:policies\`

The gateway's own decisions on a virtual clock (docs/simulate.md). What each figure means: README.md.

- node: ${process.version}
- machine: ${cpus().length} cores, shared by all of it

${texts.join('\n')}`;
  console.log(text);
  if (only === null) writeFileSync(results, text);
}

try {
  await main();
} catch (error) {
  console.error(`bench:policies: ${(error as Error).message}`);
  process.exitCode = 1;
}
