import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { sendHeld } from './held.ts';
import { Lab, type Target } from './lab.ts';
import { cpuSeconds, memoryBytes, untilQuiet } from './proc.ts';
import { emptyOutcome, setDelay, startTargets, takePeak } from './scenario.ts';
import { median } from './statistics.ts';
import { wrk } from './wrk.ts';

const concurrency = 50;
const loadShare = 0.8;
/** Requests of the mixed load that begin in each second, beside wrk's: streams, clients that leave, large bodies. */
const mixedRate = 40;
const tokens = 50;
/** What of resident memory may be more at the end than after the first third: pages that V8 has not given back yet. */
const allowedGrowthBytes = 8e6;
const pauseMs = 20;
/** wrk keeps a figure of each answer: it is started anew now and then. */
const longestRunS = 60;

interface Mixed {
  readonly whole: number;
  readonly left: number;
  readonly failed: number;
  readonly reason: string;
}

/** The state of the sidecar, second by second. */
interface Watch {
  readonly residentBytes: number[];
  stop(): void;
}

function watch(pid: number): Watch {
  const residentBytes: number[] = [];
  const timer = setInterval(() => residentBytes.push(memoryBytes(pid).residentBytes), 1_000);
  return { residentBytes, stop: () => clearInterval(timer) };
}

/** Clients of wrk by which the sidecar's core is as busy as it should be: each pauses, and waits for its answer. */
async function clientsFor(lab: Lab, target: Target): Promise<number> {
  await wrk(lab, target, { connections: 64, seconds: 5 });
  const { requestsPerSecond } = await wrk(lab, target, { connections: 64, seconds: 5 });
  return Math.round(requestsPerSecond * loadShare * ((pauseMs + 2) / 1_000));
}

async function load(lab: Lab, target: Target, seconds: number, connections: number) {
  const flags = ['-path', '/stub/v1/chat/completions', '-tokens', `${tokens}`, '-rate', `${mixedRate}`];
  const address = `127.0.0.1:${target.port}`;
  const argv = [lab.compiled().load, 'mixed', '-address', address, '-seconds', `${seconds}`, ...flags];
  const mixed = lab.children.output({ name: 'load', argv, cpu: 1 });
  // A failure shows where it is awaited.
  mixed.catch(() => undefined);
  let failed = 0;
  let requests = 0;
  for (let leftS = seconds; leftS > 0; leftS -= longestRunS) {
    const runS = Math.min(leftS, longestRunS);
    const run = await wrk(lab, target, { connections, seconds: runS, pauseMs });
    failed += run.failed;
    requests += run.requestsPerSecond * runS;
  }
  return { failed, requests: Math.round(requests), mixed: JSON.parse(await mixed) as Mixed };
}

/** With all slots free, as many run at once as the limit says, and no more: none has leaked. */
async function slotsLeft(lab: Lab, stub: Target, target: Target): Promise<number> {
  await setDelay(stub, 1_000);
  await takePeak(stub);
  const path = '/stub/v1/chat/completions';
  const { failed, reason } = await sendHeld(lab, { target, count: 2 * concurrency, bodyBytes: 500, path });
  if (failed > 0) throw new Error(`${failed} requests failed after the load: ${reason}`);
  return takePeak(stub);
}

async function soak(lab: Lab, seconds: number): Promise<readonly string[]> {
  const stub = await lab.startStub('-tokens', `${tokens}`);
  const backend = await lab.startNginxBackend(stub);
  const outcome = emptyOutcome();
  const [target] = await startTargets(lab, ['sidecar'], { backendPort: backend.port, concurrency, outcome });
  if (target?.child == null) throw new Error(outcome.notes.join('; '));
  const { pid } = target.child;
  const connections = await clientsFor(lab, target);
  const cpuBefore = cpuSeconds(pid);
  const watched = watch(pid);
  const { failed, requests, mixed } = await load(lab, target, seconds, connections);
  const busy = (cpuSeconds(pid) - cpuBefore) / seconds;
  watched.stop();
  const { residentBytes } = watched;
  const third = Math.floor(residentBytes.length / 3);
  const [early, late] = [residentBytes.slice(third, 2 * third), residentBytes.slice(2 * third)].map(median);
  const growthBytes = late! - early!;
  await untilQuiet(pid);
  const slots = await slotsLeft(lab, stub, target);
  const sum = `${seconds} s, ${connections} clients, ${requests} requests, ${(busy * 100).toFixed(0)} % of a core; beside them ${mixed.whole} whole, ${mixed.left} left by their clients`;
  console.log(`${sum}\nresident ${mb(early!)} -> ${mb(late!)}, ${slots} of ${concurrency} slots`);
  const faults = [
    failed > 0 && `${failed} requests failed`,
    mixed.failed > 0 && `${mixed.failed} of the mixed load failed: ${mixed.reason}`,
    growthBytes > allowedGrowthBytes && `resident memory grew by ${mb(growthBytes)}`,
    slots !== concurrency && `${slots} ran at once, and ${concurrency} slots were free`,
  ];
  return faults.filter((fault) => fault !== false);
}

function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '600' } } });
const lab = new Lab(false);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void lab.close().finally(() => process.exit(signal === 'SIGINT' ? 130 : 143)));
}
try {
  const faults = await soak(lab, Number(values.seconds));
  for (const fault of faults) console.error(`soak: ${fault}`);
  process.exitCode = faults.length > 0 ? 1 : 0;
} finally {
  await lab.close();
}
await sleep(0);
process.exit();
