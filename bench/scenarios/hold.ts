import { hold } from '../held.ts';
import { emptyOutcome, type Scenario } from '../scenario.ts';

const kib = 1024;
const mib = 1024 * kib;

/** The memory of small requests that wait. */
export const holdSmall: Scenario = {
  name: 'hold',
  what: '10,000 requests of 2 KB (1,000 with --quick) wait for a backend that is not ready; then all are answered through a limit of 100.',
  figures: [
    { name: 'resident per waiter', unit: 'KB', goal: '<= 20', digits: 1 },
    { name: 'answered', unit: 'requests', goal: 'all', digits: 0 },
  ],
  async run(lab) {
    const outcome = emptyOutcome();
    const count = lab.isQuick ? 1_000 : 10_000;
    for (let round = 0; round < (lab.isQuick ? 1 : 5); round++) {
      for (const name of ['go', 'pilotlight'] as const) {
        const result = await hold(lab, name, { count, bodyBytes: 2 * kib, concurrency: 100, outcome });
        if (result === null) continue;
        outcome.samples.add('resident per waiter', name, result.waitingGrowthBytes / count / 1000);
        outcome.samples.add('answered', name, result.answered);
      }
    }
    return outcome;
  },
};

/** The memory of large requests that wait. */
export const holdLarge: Scenario = {
  name: 'hold-large',
  what: '40 requests of 16 MB (8 with --quick) wait, with heldMemory at 64 MiB; then all are answered.',
  figures: [
    { name: 'growth while waiting', unit: 'MB', goal: '<= 250', digits: 0 },
    { name: 'growth at the peak', unit: 'MB', goal: '<= 250', digits: 0 },
    { name: 'answered', unit: 'requests', goal: 'all', digits: 0 },
  ],
  async run(lab) {
    const outcome = emptyOutcome();
    const count = lab.isQuick ? 8 : 40;
    for (let round = 0; round < (lab.isQuick ? 1 : 5); round++) {
      const result = await hold(lab, 'pilotlight', { count, bodyBytes: 16 * mib, concurrency: 100, outcome });
      if (result === null) break;
      outcome.samples.add('growth while waiting', result.name, result.waitingGrowthBytes / 1e6);
      outcome.samples.add('growth at the peak', result.name, result.peakGrowthBytes / 1e6);
      outcome.samples.add('answered', result.name, result.answered);
    }
    return outcome;
  },
};

/** How fast a full queue empties. */
export const drain: Scenario = {
  name: 'drain',
  what: '10,000 waiting requests of 500 B (1,000 with --quick) through a limit of 100, from the first answer to the last.',
  figures: [{ name: 'rate', unit: 'requests/s', goal: '>= 5,000', digits: 0 }],
  async run(lab) {
    const outcome = emptyOutcome();
    const count = lab.isQuick ? 1_000 : 10_000;
    for (let round = 0; round < (lab.isQuick ? 1 : 5); round++) {
      for (const name of ['go', 'pilotlight'] as const) {
        const result = await hold(lab, name, { count, bodyBytes: 500, concurrency: 100, outcome });
        if (result !== null) outcome.samples.add('rate', name, (result.answered / result.drainMs) * 1000);
      }
    }
    return outcome;
  },
};
