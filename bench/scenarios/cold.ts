import { emptyOutcome, type Scenario, startTargets } from '../scenario.ts';

interface ColdResult {
  readonly delaysMs: readonly number[];
  readonly failed: number;
  readonly warm: number;
  readonly reason: string;
}

/** Starts from which nothing was learned yet. */
const unlearned = 3;

/** The delay that the gateway adds to a start. */
export const cold: Scenario = {
  name: 'cold',
  subject: 'pilotlight',
  what: '20 starts (6 with --quick) of a process that loads for 500 ms, after going idle: from the instant the backend is ready to the first byte at the client that waited. The first three, from which nothing is learned, apart.',
  figures: [
    { name: 'first three', unit: 'ms', goal: '', digits: 2 },
    { name: 'later', unit: 'ms', goal: 'median <= 5', digits: 2 },
    { name: 'later, worst', unit: 'ms', goal: '<= 25', digits: 2 },
  ],
  async run(lab) {
    const outcome = emptyOutcome();
    const { samples, notes } = outcome;
    const { stub, load } = lab.compiled();
    const command = lab.besideTheLoad([stub, '-listen', '127.0.0.1:{port}', '-load', '500ms']);
    const options = { backendPort: 0, command, concurrency: 100, outcome };
    const started = await startTargets(lab, ['pilotlight'], { ...options, minReplicas: 0, idle: '200ms' });
    const [target] = started;
    if (target === undefined) return outcome;
    const flags = ['-count', lab.isQuick ? '6' : '20', '-pause', '1s'];
    const argv = [load, 'cold', '-address', `127.0.0.1:${target.port}`, ...flags];
    const result = JSON.parse(await lab.children.output({ name: 'load', argv, cpu: 1 })) as ColdResult;
    for (const delayMs of result.delaysMs.slice(0, unlearned)) {
      samples.add('first three', target.name, delayMs);
    }
    const later = result.delaysMs.slice(unlearned);
    for (const delayMs of later) samples.add('later', target.name, delayMs);
    if (later.length > 0) samples.add('later, worst', target.name, Math.max(...later));
    if (result.failed > 0)
      notes.push(`pilotlight: ${result.failed} starts were not answered: ${result.reason}`);
    if (result.warm > 0) notes.push(`pilotlight: ${result.warm} requests met a backend that was still up`);
    return outcome;
  },
};
