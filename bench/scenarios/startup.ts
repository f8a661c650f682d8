import { setTimeout as sleep } from 'node:timers/promises';
import { memoryBytes } from '../proc.ts';
import { emptyOutcome, type Scenario, startTargets } from '../scenario.ts';

/** The gateway's own start. */
export const startup: Scenario = {
  name: 'startup',
  what: 'From exec to the first connection that is accepted, and resident memory 1 s later with nothing to do.',
  figures: [
    { name: 'listening after', unit: 'ms', goal: '<= 500', digits: 0 },
    { name: 'idle memory', unit: 'MB', goal: '<= 110', digits: 0 },
  ],
  async run(lab) {
    const outcome = emptyOutcome();
    const backend = await lab.startStub();
    const options = { backendPort: backend.port, concurrency: 100, outcome, minReplicas: 0 } as const;
    for (let round = 0; round < (lab.isQuick ? 1 : 5); round++) {
      for (const name of ['go', 'pilotlight'] as const) {
        const startedAtMs = performance.now();
        const [target] = await startTargets(lab, [name], options);
        if (target?.child == null) continue;
        outcome.samples.add('listening after', name, performance.now() - startedAtMs);
        await sleep(1_000);
        outcome.samples.add('idle memory', name, memoryBytes(target.child.pid).residentBytes / 1e6);
        await target.child.stop();
      }
    }
    return outcome;
  },
};
