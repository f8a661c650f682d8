import { emptyOutcome, interleave, type Scenario, startTargets } from '../scenario.ts';
import { wrk } from '../wrk.ts';

const bytesBySize = new Map([
  ['500 B', 500],
  ['8 KB', 8_000],
  ['200 KB', 200_000],
  ['2 MB', 2_000_000],
]);

/** What the size of a body costs. */
export const body: Scenario = {
  name: 'body',
  subject: 'pilotlight',
  what: '16 connections post chat bodies of one size (only 200 KB with --quick); the compiled stub reads them whole.',
  figures: [...bytesBySize.keys()].flatMap((size) => [
    { name: size, unit: 'requests/s', goal: '', digits: 0 },
    { name: `${size} cpu`, unit: 'us per request', goal: '', digits: 0 },
  ]),
  async run(lab) {
    const outcome = emptyOutcome();
    lab.wrk();
    const backend = await lab.startStub();
    const options = { backendPort: backend.port, concurrency: 100, outcome };
    const targets = await startTargets(lab, ['nginx', 'go', 'pilotlight'], options);
    const chosen = [...bytesBySize].filter(([size]) => !lab.isQuick || size === '200 KB');
    for (const [size, bodyBytes] of chosen) {
      await interleave(targets, lab.isQuick ? 1 : 5, async (target) => {
        const result = await wrk(lab, target, { connections: 16, seconds: lab.isQuick ? 1 : 2, bodyBytes });
        outcome.samples.add(size, target.name, result.requestsPerSecond);
        outcome.samples.add(`${size} cpu`, target.name, result.cpuUsPerRequest);
        if (result.failed > 0) outcome.notes.push(`${target.name}: ${result.failed} of ${size} failed`);
      });
    }
    return outcome;
  },
};
