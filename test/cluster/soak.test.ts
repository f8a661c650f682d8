import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chat } from '../support/gateway.ts';
import { deployment } from './support/cluster.ts';
import { Stage } from './support/stage.ts';

/** Set by `npm run soak:cluster`. */
const lengthS = Number(process.env.SOAK_SECONDS ?? 60);
/** Half of a short run; ten minutes in one of twenty or more. */
const streamS = Math.min(600, Math.floor(lengthS / 2));
/** From one restart to the next: a short run has one, while two long streams run. */
const restartS = Math.min(120, lengthS * 0.45);
/** A pod of this test is ready within a second or few; more than this is no start any more. */
const longestShortS = 20;

interface Pod {
  metadata: { name: string; deletionTimestamp?: string };
}

/** What a run has seen. */
interface Tally {
  begun: number;
  whole: number;
  cut: number;
  /** Times that the count went down. */
  scaleDowns: number;
  /** Those while a long stream ran. */
  scaleDownsUnderStreams: number;
  scaleUps: number;
  /** Restarts that replaced a pod or more. */
  rollouts: number;
  /** The longest time for which fewer replicas served, or ended what they had begun, than were asked for, in seconds. */
  shortS: number;
  /** Why streams were not whole. */
  readonly faults: string[];
}

let stage: Stage;
let tally: Tally;
let longStreams: number;

/** Streams for so many seconds, and keeps no more of it than its end: ten minutes are 100 MB. */
async function stream(seconds: number): Promise<void> {
  tally.begun++;
  const began = performance.now();
  let tail = '';
  try {
    const more = { max_tokens: seconds * 1_000, ignore_eos: true, stream: true };
    const response = await fetch(`${stage.gateway.url}/v1/chat/completions`, chat('llama', more));
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      tail = (tail + decoder.decode(chunk, { stream: true })).slice(-500);
    }
    if (!tail.trimEnd().endsWith('data: [DONE]')) throw new Error(`${response.status} ${tail}`);
    tally.whole++;
  } catch (error) {
    const afterS = ((performance.now() - began) / 1_000).toFixed(1);
    tally.cut++;
    tally.faults.push(`a stream of ${seconds} s, after ${afterS} s: ${String(error)}`);
  }
}

async function longStream(): Promise<void> {
  longStreams++;
  await stream(streamS);
  longStreams--;
}

/** Demand that comes and goes: two requests at once, then none for longer than the idle time. */
async function waves(isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await Promise.all([stream(2), stream(2)]);
    await pause(4_000);
  }
}

/** Counts how the Deployment's count moves. */
async function watchCount(isOver: () => boolean): Promise<void> {
  let last = stage.asked('llama');
  while (!isOver()) {
    await pause(500);
    const count = stage.asked('llama');
    if (count > last) tally.scaleUps++;
    if (count < last) {
      tally.scaleDowns++;
      if (longStreams > 0) tally.scaleDownsUnderStreams++;
    }
    last = count;
  }
}

/** Counts for how long a replica is missing, or is there and serves nobody. */
async function watchReplicas(isOver: () => boolean): Promise<void> {
  let sinceMs: number | null = null;
  while (!isOver()) {
    await pause(250);
    const { replicas, desired } = await stage.view('llama');
    const isUsed = ({ state, inFlight }: (typeof replicas)[number]) =>
      state === 'ready' || (state === 'draining' && inFlight > 0);
    const isShort = replicas.filter(isUsed).length < (desired ?? 0);
    sinceMs = isShort ? (sinceMs ?? performance.now()) : null;
    if (sinceMs !== null) tally.shortS = Math.max(tally.shortS, (performance.now() - sinceMs) / 1_000);
  }
}

/** Resolves once no pod from before is left that was not told to end. */
async function restart(): Promise<void> {
  const staying = () =>
    stage.place.list<Pod>('pods').filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const before = staying().map(({ metadata }) => metadata.name);
  stage.place.kubectl(['rollout', 'restart', 'deployment/llama']);
  const isReplaced = () => staying().every(({ metadata }) => !before.includes(metadata.name));
  await expect.poll(isReplaced, { interval: 500, timeout: 60_000 }).toBe(true);
  if (before.length > 0) tally.rollouts++;
}

/** Restarts again and again, for the last time with a tenth of the run or more to go. */
async function restarts(endsAtMs: number): Promise<void> {
  const lastAtMs = endsAtMs - lengthS * 100;
  const everyMs = restartS * 1_000;
  for (let atMs = performance.now() + everyMs; atMs < lastAtMs; atMs += everyMs) {
    await pause(Math.max(0, atMs - performance.now()));
    await restart();
  }
}

/** The long streams begin a quarter of the time apart, so that one or two run at any time. */
async function run(): Promise<void> {
  const endsAt = performance.now() + lengthS * 1_000;
  const isOver = () => performance.now() >= endsAt;
  const after = async (share: number, act: () => Promise<void>) => {
    await pause(lengthS * 1_000 * share);
    await act();
  };
  await Promise.all([
    waves(isOver),
    watchCount(isOver),
    watchReplicas(isOver),
    restarts(endsAt),
    ...[0, 0.25, 0.5].map((share) => after(share, longStream)),
  ]);
}

beforeEach(async () => {
  stage = await Stage.open();
  const faults: string[] = [];
  const counts = { scaleDowns: 0, scaleDownsUnderStreams: 0, scaleUps: 0, rollouts: 0, shortS: 0 };
  tally = { begun: 0, whole: 0, cut: 0, ...counts, faults };
  longStreams = 0;
});
afterEach(() => stage.close());

describe('a soak', () => {
  it(`of ${lengthS} s cuts no stream while the count goes up and down and a restart is rolled out`, {
    timeout: (lengthS + 120) * 1_000,
  }, async () => {
    const drainS = streamS + 5;
    stage.place.apply(
      deployment({
        name: 'llama',
        gpus: 0,
        // No preStop; what runs is waited for, and SIGKILL would come 10 s later.
        script: { 'drain-ms': drainS * 1_000, 'load-ms': 200 },
        pod: { terminationGracePeriodSeconds: drainS + 10 },
      }),
    );
    // Each rise soon after a lowering would else make the idle time longer, and there would be few lowerings.
    await stage.serve({ name: 'llama', concurrency: 1, scale: 'max: 3, idle: 2s, thrashWindow: 0' });
    await run();
    const { faults, ...counts } = tally;
    const told = Object.entries(counts).map(([name, count]) => `${name} ${Number(count.toFixed(1))}`);
    console.log(`soak of ${lengthS} s, streams of ${streamS} s: ${told.join(', ')}`);
    expect(faults).toEqual([]);
    expect(tally.cut).toBe(0);
    expect(tally.whole).toBe(tally.begun);
    expect(tally.rollouts).toBeGreaterThan(0);
    expect(tally.shortS).toBeLessThan(longestShortS);
    expect(tally.scaleDowns).toBeGreaterThan(2);
    expect(tally.scaleDownsUnderStreams).toBeGreaterThan(2);
    await expect.poll(() => stage.asked('llama'), { interval: 500 }).toBe(0);
  });
});
