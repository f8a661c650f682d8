import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from '../lab.ts';
import { memoryBytes } from '../proc.ts';
import { emptyOutcome, type Outcome, type Scenario, type Subject, startTargets } from '../scenario.ts';

/** The gateway's own start. */
export const startup: Scenario = {
  name: 'startup',
  subject: 'pilotlight',
  what: 'From exec to the first connection that is accepted, and resident memory 1 s later with nothing to do.',
  figures: figures('<= 500', '<= 110'),
  run: (lab) => measure(lab, 'pilotlight'),
};

/** The sidecar's. */
export const sidecarStartup: Scenario = {
  name: 'sidecar-startup',
  subject: 'sidecar',
  what: 'The same of the sidecar, with the statistics and metrics that Knative reads; it is ready when it listens.',
  figures: figures('<= 300', '<= 64'),
  run: (lab) => measure(lab, 'sidecar'),
};

function figures(listening: string, memory: string): Scenario['figures'] {
  return [
    { name: 'listening after', unit: 'ms', goal: listening, digits: 0 },
    { name: 'idle memory', unit: 'MB', goal: memory, digits: 0 },
  ];
}

async function measure(lab: Lab, subject: Subject): Promise<Outcome> {
  const outcome = emptyOutcome();
  const backend = await lab.startStub();
  const options = { backendPort: backend.port, concurrency: 100, outcome, minReplicas: 0 } as const;
  for (let round = 0; round < (lab.isQuick ? 1 : 5); round++) {
    for (const name of ['go', subject] as const) {
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
}
