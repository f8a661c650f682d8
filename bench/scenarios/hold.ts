import { type HeldResult, hold } from '../held.ts';
import type { Lab } from '../lab.ts';
import { emptyOutcome, type Outcome, type Scenario } from '../scenario.ts';

const kib = 1024;
const mib = 1024 * kib;

/** What waits in a scenario, and what of each round is a sample. */
interface Waiting {
  readonly count: number;
  readonly bodyBytes: number;
  readonly targets: readonly ('go' | 'pilotlight')[];
  sample(outcome: Outcome, result: HeldResult): void;
}

/** So many rounds of requests that wait and are then answered through a limit of 100. */
async function rounds(lab: Lab, { count, bodyBytes, targets, sample }: Waiting): Promise<Outcome> {
  const outcome = emptyOutcome();
  for (let round = 0; round < (lab.isQuick ? 1 : 5); round++) {
    for (const name of targets) {
      const result = await hold(lab, name, { count, bodyBytes, concurrency: 100, outcome });
      if (result !== null) sample(outcome, result);
    }
  }
  return outcome;
}

/** The memory of small requests that wait. */
export const holdSmall: Scenario = {
  name: 'hold',
  subject: 'pilotlight',
  what: '10,000 requests of 2 KB (1,000 with --quick) wait for a backend that is not ready; then all are answered through a limit of 100.',
  figures: [
    { name: 'resident per waiter', unit: 'KB', goal: '<= 20', digits: 1 },
    { name: 'answered', unit: 'requests', goal: 'all', digits: 0 },
  ],
  run(lab) {
    const count = lab.isQuick ? 1_000 : 10_000;
    return rounds(lab, {
      count,
      bodyBytes: 2 * kib,
      targets: ['go', 'pilotlight'],
      sample({ samples }, { name, waitingGrowthBytes, answered }) {
        samples.add('resident per waiter', name, waitingGrowthBytes / count / 1000);
        samples.add('answered', name, answered);
      },
    });
  },
};

/** The memory of large requests that wait. */
export const holdLarge: Scenario = {
  name: 'hold-large',
  subject: 'pilotlight',
  what: '40 requests of 16 MB (8 with --quick) wait, with heldMemory at 64 MiB; then all are answered.',
  figures: [
    { name: 'growth while waiting', unit: 'MB', goal: '<= 250', digits: 0 },
    { name: 'growth at the peak', unit: 'MB', goal: '<= 250', digits: 0 },
    { name: 'answered', unit: 'requests', goal: 'all', digits: 0 },
  ],
  run(lab) {
    return rounds(lab, {
      count: lab.isQuick ? 8 : 40,
      bodyBytes: 16 * mib,
      targets: ['pilotlight'],
      sample({ samples }, { name, waitingGrowthBytes, peakGrowthBytes, answered }) {
        samples.add('growth while waiting', name, waitingGrowthBytes / 1e6);
        samples.add('growth at the peak', name, peakGrowthBytes / 1e6);
        samples.add('answered', name, answered);
      },
    });
  },
};

/** How fast a full queue empties. */
export const drain: Scenario = {
  name: 'drain',
  subject: 'pilotlight',
  what: '10,000 waiting requests of 500 B (1,000 with --quick) through a limit of 100, from the first answer to the last.',
  figures: [{ name: 'rate', unit: 'requests/s', goal: '>= 5,000', digits: 0 }],
  run(lab) {
    return rounds(lab, {
      count: lab.isQuick ? 1_000 : 10_000,
      bodyBytes: 500,
      targets: ['go', 'pilotlight'],
      sample({ samples }, { name, answered, drainMs }) {
        samples.add('rate', name, (answered / drainMs) * 1000);
      },
    });
  },
};
