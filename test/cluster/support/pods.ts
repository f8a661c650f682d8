import type { TestNamespace } from './cluster.ts';
import { containerPort } from './cluster.ts';

/** A pod of a test. */
export interface TestPod {
  readonly name: string;
  readonly uid: string;
  /** It was told to end. */
  readonly isEnding: boolean;
  /** Of its model server: `http://host:port`. */
  readonly origin: string;
}

interface PodObject {
  readonly metadata: { readonly name: string; readonly uid: string; readonly deletionTimestamp?: string };
  readonly status: { readonly podIP?: string };
}

/** The pods that are there and were not told to end. */
export function livingPods(place: TestNamespace): TestPod[] {
  return allPods(place).filter(({ isEnding }) => !isEnding);
}

/** The pods that are there. */
export function allPods(place: TestNamespace): TestPod[] {
  return place.list<PodObject>('pods').map(({ metadata: { name, uid, deletionTimestamp }, status }) => ({
    name,
    uid,
    isEnding: deletionTimestamp !== undefined,
    origin: `http://${status.podIP}:${containerPort}`,
  }));
}

/** How many requests a pod runs by its own gauge, whoever sent them. */
export async function runningOf({ origin }: TestPod): Promise<number> {
  const text = await (await fetch(`${origin}/metrics`)).text();
  const [, count] = /^vllm:num_requests_running\S* (\d+)/m.exec(text) ?? [];
  if (count === undefined) throw new Error(`${origin}/metrics has no gauge of running requests`);
  return Number(count);
}
