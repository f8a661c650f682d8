import { type Lab, type Target, Unavailable } from '../lab.ts';
import { memoryBytes, untilQuiet } from '../proc.ts';
import { emptyOutcome, interleave, type Outcome, type Scenario, startTargets } from '../scenario.ts';
import { wrk } from '../wrk.ts';

const stores = ['sqlite', 'redis'] as const;

/** How fast jobs are accepted. */
export const jobsAccept: Scenario = {
  name: 'jobs-accept',
  subject: 'pilotlight',
  what: "64 connections post jobs of about 500 B to RunPod's /run as fast as they are accepted, each durable before its answer (SQLite: synchronous=FULL; Redis: appendfsync always, on the other core); then the load of warm with 2,000 jobs/s beside it.",
  figures: [
    { name: 'rate', unit: 'jobs/s', goal: 'sqlite >= 2,000, redis >= 3,000', digits: 0 },
    { name: 'cpu', unit: 'us per job', goal: '', digits: 0 },
    { name: 'p99', unit: 'ms', goal: '', digits: 1 },
    { name: 'warm p99 alone', unit: 'ms', goal: '', digits: 2 },
    { name: 'warm p99 beside jobs', unit: 'ms', goal: '<= 1.5 x alone', digits: 2 },
  ],
  async run(lab) {
    const outcome = emptyOutcome();
    const targets = await startStores(lab, outcome);
    const seconds = lab.isQuick ? 1 : 4;
    for (const target of targets) await wrk(lab, target, { connections: 64, seconds: 2, asJobsOf: 'paused' });
    await interleave(targets, lab.isQuick ? 1 : 5, async (target) => {
      const accepted = await wrk(lab, target, { connections: 64, seconds, asJobsOf: 'paused' });
      outcome.samples.add('rate', target.name, accepted.requestsPerSecond);
      outcome.samples.add('cpu', target.name, accepted.cpuUsPerRequest);
      outcome.samples.add('p99', target.name, accepted.p99Us / 1000);
      noteFailures(outcome, target, accepted.failed);
      // A load that leaves room on the core: what is beside it is what is measured.
      const load = { connections: 16, pauseMs: 10, seconds };
      const alone = await wrk(lab, target, load);
      const [beside, jobs] = await Promise.all([
        wrk(lab, target, load),
        wrk(lab, target, { connections: 20, pauseMs: 10, seconds, asJobsOf: 'paused' }),
      ]);
      outcome.samples.add('warm p99 alone', target.name, alone.p99Us / 1000);
      outcome.samples.add('warm p99 beside jobs', target.name, beside.p99Us / 1000);
      noteFailures(outcome, target, beside.failed + jobs.failed);
    });
    return outcome;
  },
};

/** What waiting jobs cost. */
export const jobsQueued: Scenario = {
  name: 'jobs-queued',
  subject: 'pilotlight',
  what: '100,000 jobs (5,000 with --quick) of about 500 B are queued, in SQLite; then the gateway is ended and started again.',
  figures: [
    { name: 'growth', unit: 'MB', goal: '<= 40', digits: 1 },
    { name: 'restart to ready', unit: 'ms', goal: '<= 3,000', digits: 0 },
  ],
  async run(lab) {
    const outcome = emptyOutcome();
    const count = lab.isQuick ? 5_000 : 100_000;
    for (let round = 0; round < (lab.isQuick ? 1 : 5); round++) await queueAndRestart(lab, outcome, count);
    return outcome;
  },
};

async function queueAndRestart(lab: Lab, outcome: Outcome, count: number): Promise<void> {
  const backend = await lab.startFixedBackend();
  const options = { ...jobOptions(backend, outcome), stateDir: lab.folder('state') };
  const [target] = await startTargets(lab, ['sqlite'], options);
  if (target?.child == null) return;
  const { pid } = target.child;
  // What the first jobs load and compile is not what those that wait cost.
  await wrk(lab, target, { connections: 64, seconds: 2, asJobsOf: 'paused' });
  await untilQuiet(pid);
  const before = memoryBytes(pid).residentBytes;
  const first = await queued(target);
  while ((await queued(target)) - first < count) {
    const { failed } = await wrk(lab, target, { connections: 64, seconds: 2, asJobsOf: 'paused' });
    noteFailures(outcome, target, failed);
  }
  await untilQuiet(pid);
  const perCount = count / ((await queued(target)) - first);
  outcome.samples.add('growth', target.name, ((memoryBytes(pid).residentBytes - before) * perCount) / 1e6);
  const accepted = await queued(target);
  await target.child.stop();
  const startedAtMs = performance.now();
  const [again] = await startTargets(lab, ['sqlite'], options);
  if (again?.child == null) return;
  outcome.samples.add('restart to ready', again.name, performance.now() - startedAtMs);
  const kept = await queued(again);
  if (kept !== accepted)
    outcome.notes.push(`${accepted} were queued before the restart and ${kept} after it`);
  await again.child.stop();
  await backend.child?.stop();
}

/** What a job adds to a request that somebody waits for. */
export const jobsSync: Scenario = {
  name: 'jobs-sync',
  subject: 'pilotlight',
  what: "500 chats (50 with --quick) one after the other, each as a plain request and by RunPod's /runsync, which makes a job of it, runs it and answers with its result.",
  figures: [
    { name: 'plain p50', unit: 'ms', goal: '', digits: 2 },
    { name: 'runsync p50', unit: 'ms', goal: '', digits: 2 },
    { name: 'added p50', unit: 'ms', goal: '<= 5', digits: 2 },
  ],
  async run(lab) {
    const outcome = emptyOutcome();
    const targets = await startStores(lab, outcome);
    const count = lab.isQuick ? 50 : 500;
    for (const target of targets) await timesOf(target, 100);
    await interleave(targets, lab.isQuick ? 1 : 5, async (target) => {
      const { plainMs, syncMs } = await timesOf(target, count);
      outcome.samples.add('plain p50', target.name, plainMs);
      outcome.samples.add('runsync p50', target.name, syncMs);
      outcome.samples.add('added p50', target.name, syncMs - plainMs);
    });
    return outcome;
  },
};

async function startStores(lab: Lab, outcome: Outcome): Promise<Target[]> {
  const backend = await lab.startFixedBackend();
  const targets = await startTargets(lab, stores, jobOptions(backend, outcome));
  if (targets.length === 0) throw new Unavailable('no store could be had');
  return targets;
}

function jobOptions(backend: Target, outcome: Outcome) {
  return { backendPort: backend.port, concurrency: 100, outcome, hasJobs: true } as const;
}

/** Jobs of the model "paused" that wait. */
async function queued(target: Target): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${target.port}/runpod/v2/paused/health`);
  const { jobs } = (await response.json()) as { jobs: { inQueue: number } };
  return jobs.inQueue;
}

async function timesOf(target: Target, count: number): Promise<{ plainMs: number; syncMs: number }> {
  const base = `http://127.0.0.1:${target.port}`;
  const chat = { messages: [{ role: 'user', content: 'why is the sky blue? '.repeat(20) }] };
  const plain: number[] = [];
  const sync: number[] = [];
  for (let i = 0; i < count; i++) {
    plain.push(await timeOf(`${base}/v1/chat/completions`, { model: 'bench', ...chat }));
    sync.push(await timeOf(`${base}/runpod/v2/bench/runsync`, { input: chat }));
  }
  return { plainMs: quantile(plain, 0.5), syncMs: quantile(sync, 0.5) };
}

async function timeOf(url: string, body: object): Promise<number> {
  const startedAtMs = performance.now();
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  const text = await response.text();
  const tookMs = performance.now() - startedAtMs;
  if (!response.ok || text.includes('"error"'))
    throw new Error(`${url} answered ${response.status}: ${text}`);
  return tookMs;
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;
}

function noteFailures({ notes }: Outcome, { name }: Target, failed: number): void {
  if (failed > 0) notes.push(`${name}: ${failed} requests failed`);
}
