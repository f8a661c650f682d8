import { setTimeout as sleep } from 'node:timers/promises';
import { sendHeld } from '../held.ts';
import type { Lab } from '../lab.ts';
import {
  emptyOutcome,
  interleave,
  type Outcome,
  type Scenario,
  type Subject,
  setDelay,
  startTargets,
  takePeak,
} from '../scenario.ts';
import { wrk } from '../wrk.ts';

const limit = 10;
// Requests that wrk gives up at its end may still be running in the backend for a moment.
const settleMs = 100;

/** The same load through a limit that is lower than the number of clients. */
export const limited: Scenario = {
  name: 'limit',
  subject: 'pilotlight',
  what: `The load of warm through a limit of ${limit} at once; the backend counts its peak. Over the same without a limit in the way.`,
  figures: figures('>= 0.9'),
  run: (lab) => measure(lab, 'pilotlight'),
};

/** The same through the sidecar. */
export const sidecarLimit: Scenario = {
  name: 'sidecar-limit',
  subject: 'sidecar',
  what: 'The load of limit through the sidecar with CONTAINER_CONCURRENCY at 10.',
  figures: figures(''),
  run: (lab) => measure(lab, 'sidecar'),
};

function figures(rateGoal: string): Scenario['figures'] {
  return [
    { name: 'rate', unit: 'requests/s', goal: '', digits: 0 },
    { name: 'rate over unlimited', unit: 'x', goal: rateGoal, digits: 2 },
    { name: 'p99 over p50', unit: 'x', goal: '<= 4', digits: 2 },
    { name: 'peak at the backend', unit: 'requests', goal: `= ${limit}`, digits: 0 },
  ];
}

async function measure(lab: Lab, subject: Subject): Promise<Outcome> {
  const outcome = emptyOutcome();
  const { samples } = outcome;
  lab.wrk();
  const backend = await lab.startStub();
  const shared = { backendPort: backend.port, readsModel: subject === 'pilotlight', outcome };
  const free = await startTargets(lab, ['go', subject], { ...shared, concurrency: 100 });
  const narrow = await startTargets(lab, ['go', subject], { ...shared, concurrency: limit });
  const load = { connections: 64, seconds: lab.isQuick ? 1 : 4 };
  for (const target of [...free, ...narrow].filter(({ name }) => name === subject))
    await wrk(lab, target, { ...load, seconds: 1 });
  await interleave(narrow, lab.isQuick ? 1 : 5, async (target) => {
    const unlimited = free.find(({ name }) => name === target.name);
    if (unlimited === undefined) return;
    const { requestsPerSecond } = await wrk(lab, unlimited, load);
    await sleep(settleMs);
    await takePeak(backend);
    // Read before wrk's end: the slots of what it gives up are free before the backend notices.
    const fastPeak = sleep(load.seconds * 1000 - 200).then(() => takePeak(backend));
    const result = await wrk(lab, target, load);
    samples.add('rate', target.name, result.requestsPerSecond);
    samples.add('rate over unlimited', target.name, result.requestsPerSecond / requestsPerSecond);
    samples.add('p99 over p50', target.name, result.p99Us / result.p50Us);
    // Answers that take no time are hardly ever in the backend together: the full limit shows with slower ones.
    await sleep(settleMs);
    await takePeak(backend);
    await setDelay(backend, 5);
    const slow = await sendHeld(lab, { target, count: 300, bodyBytes: 500 });
    await setDelay(backend, 0);
    samples.add('peak at the backend', target.name, Math.max(await fastPeak, await takePeak(backend)));
    const failed = result.failed + slow.failed;
    if (failed > 0) outcome.notes.push(`${target.name}: ${failed} requests failed`);
  });
  return outcome;
}
