import type { Lab, Target } from '../lab.ts';
import {
  emptyOutcome,
  interleave,
  type Outcome,
  type Scenario,
  type Subject,
  startTargets,
} from '../scenario.ts';
import { wrk } from '../wrk.ts';

const references = ['nginx', 'haproxy', 'go', 'node'] as const;

/** Small answers at full load. */
export const warm: Scenario = {
  name: 'warm',
  subject: 'pilotlight',
  what: '64 connections post chat bodies of about 500 B as fast as they are answered (about 200 B, from nginx).',
  figures: warmFigures('>= 1.5 x go, >= 0.28 x nginx'),
  run: (lab) => measureWarm(lab, 'pilotlight'),
};

/** The same through the sidecar. */
export const sidecarWarm: Scenario = {
  name: 'sidecar-warm',
  subject: 'sidecar',
  what: 'The load of warm through the sidecar, in front of one container; `go` does not read the body here either.',
  figures: warmFigures('>= 1.5 x go, aim 2 x'),
  run: (lab) => measureWarm(lab, 'sidecar'),
};

function warmFigures(goal: string): Scenario['figures'] {
  return [
    { name: 'rate', unit: 'requests/s', goal, digits: 0 },
    { name: 'cpu', unit: 'us per request', goal: '', digits: 1 },
    { name: 'p50', unit: 'ms', goal: '', digits: 2 },
    { name: 'p99', unit: 'ms', goal: '', digits: 2 },
  ];
}

function measureWarm(lab: Lab, subject: Subject): Promise<Outcome> {
  return measure({ lab, subject, connections: 64 }, async (target, outcome) => {
    const result = await wrk(lab, target, { connections: 64, seconds: lab.isQuick ? 1 : 4 });
    const { samples } = outcome;
    samples.add('rate', target.name, result.requestsPerSecond);
    if (target.name !== 'direct') samples.add('cpu', target.name, result.cpuUsPerRequest);
    samples.add('p50', target.name, result.p50Us / 1000);
    samples.add('p99', target.name, result.p99Us / 1000);
    if (result.failed > 0) outcome.notes.push(`${target.name}: ${result.failed} requests failed`);
  });
}

/** One request at a time. */
export const latency: Scenario = {
  name: 'latency',
  subject: 'pilotlight',
  what: 'One connection posts the same body again and again: what a proxy adds to the answer without it.',
  figures: latencyFigures('<= 2 x nginx'),
  run: (lab) => measureLatency(lab, 'pilotlight'),
};

/** The same through the sidecar. */
export const sidecarLatency: Scenario = {
  name: 'sidecar-latency',
  subject: 'sidecar',
  what: 'The load of latency through the sidecar.',
  figures: latencyFigures(''),
  run: (lab) => measureLatency(lab, 'sidecar'),
};

function latencyFigures(goal: string): Scenario['figures'] {
  return [
    { name: 'added p50', unit: 'us', goal, digits: 0 },
    { name: 'added p99', unit: 'us', goal: '', digits: 0 },
    { name: 'p50', unit: 'us', goal: '', digits: 0 },
  ];
}

async function measureLatency(lab: Lab, subject: Subject): Promise<Outcome> {
  const p99 = 'p99';
  const outcome = await measure({ lab, subject, connections: 1 }, async (target, { samples }) => {
    const result = await wrk(lab, target, { connections: 1, seconds: lab.isQuick ? 1 : 3 });
    samples.add('p50', target.name, result.p50Us);
    samples.add(p99, target.name, result.p99Us);
  });
  const { samples } = outcome;
  for (const quantile of ['p50', p99]) {
    const direct = samples.of(quantile, 'direct');
    for (const name of [...references, subject]) {
      for (const [round, value] of samples.of(quantile, name).entries()) {
        samples.add(`added ${quantile}`, name, value - (direct[round] ?? Number.NaN));
      }
    }
  }
  return outcome;
}

/** What is measured, and by how many clients. */
interface Load {
  readonly lab: Lab;
  readonly subject: Subject;
  readonly connections: number;
}

async function measure(
  { lab, subject, connections }: Load,
  once: (target: Target, outcome: Outcome) => Promise<void>,
): Promise<Outcome> {
  const outcome = emptyOutcome();
  lab.wrk();
  const backend = await lab.startFixedBackend();
  const readsModel = subject === 'pilotlight';
  const options = { backendPort: backend.port, concurrency: 100, readsModel, outcome };
  const started = await startTargets(lab, [...references, subject], options);
  const targets = [backend, ...started];
  // Just-in-time compilers and connection pools settle first; only what runs on Node has the former.
  const unsettled = lab.isQuick ? started.filter(({ name }) => name === subject) : started;
  for (const target of unsettled) await wrk(lab, target, { connections, seconds: lab.isQuick ? 2 : 6 });
  await interleave(targets, lab.isQuick ? 1 : 5, (target) => once(target, outcome));
  return outcome;
}
