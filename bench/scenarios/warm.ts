import type { Lab, Target } from '../lab.ts';
import { emptyOutcome, interleave, type Outcome, type Scenario, startTargets } from '../scenario.ts';
import { wrk } from '../wrk.ts';

const proxies = ['nginx', 'haproxy', 'go', 'node', 'pilotlight'] as const;

/** Small answers at full load. */
export const warm: Scenario = {
  name: 'warm',
  what: '64 connections post chat bodies of about 500 B as fast as they are answered (about 200 B, from nginx).',
  figures: [
    { name: 'rate', unit: 'requests/s', goal: '>= 1.5 x go, >= 0.28 x nginx', digits: 0 },
    { name: 'cpu', unit: 'us per request', goal: '', digits: 1 },
    { name: 'p50', unit: 'ms', goal: '', digits: 2 },
    { name: 'p99', unit: 'ms', goal: '', digits: 2 },
  ],
  async run(lab) {
    return measure(lab, 64, async (target, outcome) => {
      const result = await wrk(lab, target, { connections: 64, seconds: lab.isQuick ? 1 : 4 });
      const { samples } = outcome;
      samples.add('rate', target.name, result.requestsPerSecond);
      if (target.name !== 'direct') samples.add('cpu', target.name, result.cpuUsPerRequest);
      samples.add('p50', target.name, result.p50Us / 1000);
      samples.add('p99', target.name, result.p99Us / 1000);
      if (result.failed > 0) outcome.notes.push(`${target.name}: ${result.failed} requests failed`);
    });
  },
};

/** One request at a time. */
export const latency: Scenario = {
  name: 'latency',
  what: 'One connection posts the same body again and again: what a proxy adds to the answer without it.',
  figures: [
    { name: 'added p50', unit: 'us', goal: '<= 2 x nginx', digits: 0 },
    { name: 'added p99', unit: 'us', goal: '', digits: 0 },
    { name: 'p50', unit: 'us', goal: '', digits: 0 },
  ],
  async run(lab) {
    const p99 = 'p99';
    const outcome = await measure(lab, 1, async (target, { samples }) => {
      const result = await wrk(lab, target, { connections: 1, seconds: lab.isQuick ? 1 : 3 });
      samples.add('p50', target.name, result.p50Us);
      samples.add(p99, target.name, result.p99Us);
    });
    const { samples } = outcome;
    for (const quantile of ['p50', p99]) {
      const direct = samples.of(quantile, 'direct');
      for (const name of proxies) {
        for (const [round, value] of samples.of(quantile, name).entries()) {
          samples.add(`added ${quantile}`, name, value - (direct[round] ?? Number.NaN));
        }
      }
    }
    return outcome;
  },
};

async function measure(
  lab: Lab,
  connections: number,
  once: (target: Target, outcome: Outcome) => Promise<void>,
): Promise<Outcome> {
  const outcome = emptyOutcome();
  lab.wrk();
  const backend = await lab.startFixedBackend();
  const started = await startTargets(lab, proxies, { backendPort: backend.port, concurrency: 100, outcome });
  const targets = [backend, ...started];
  // Just-in-time compilers and connection pools settle first; only the gateway has the former.
  const unsettled = lab.isQuick ? started.filter(({ name }) => name === 'pilotlight') : started;
  for (const target of unsettled) await wrk(lab, target, { connections, seconds: lab.isQuick ? 2 : 6 });
  await interleave(targets, lab.isQuick ? 1 : 5, (target) => once(target, outcome));
  return outcome;
}
