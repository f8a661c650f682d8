import type { Lab, Target } from './lab.ts';
import { cpuSeconds } from './proc.ts';

/** How wrk loads; a body has 500 bytes unless told otherwise. */
interface WrkLoad {
  readonly connections: number;
  readonly seconds: number;
  readonly bodyBytes?: number;
  /** What each connection pauses before each request; 0 when left out. */
  readonly pauseMs?: number;
  /** RunPod's endpoint of that name takes the chats, as jobs; left out: they are asked as they are. */
  readonly asJobsOf?: string;
}

/** What one run of wrk gave. */
export interface WrkResult {
  readonly requestsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Of the proxy; NaN for `direct`. */
  readonly cpuUsPerRequest: number;
  readonly failed: number;
}

/** Posts chat bodies over so many keep-alive connections for so long. Throws Unavailable without wrk. */
export async function wrk(lab: Lab, target: Target, load: WrkLoad): Promise<WrkResult> {
  const { path, script } = lab.wrk();
  const pid = target.name === 'direct' ? null : (target.child?.pid ?? null);
  const cpuBefore = pid === null ? Number.NaN : cpuSeconds(pid);
  const argv = [path, '-t1', `-c${load.connections}`, `-d${load.seconds}s`, '-s', script];
  const output = await lab.children.output({
    name: 'wrk',
    argv: [
      ...argv,
      `http://127.0.0.1:${target.port}`,
      '--',
      `${load.bodyBytes ?? 500}`,
      `${load.pauseMs ?? 0}`,
      ...(load.asJobsOf === undefined ? [] : [`/runpod/v2/${load.asJobsOf}/run`, '{"input":{', '}']),
    ],
    cpu: 1,
  });
  const cpuAfter = pid === null ? Number.NaN : cpuSeconds(pid);
  const line = output.split('\n').find((text) => text.startsWith('{'));
  if (line === undefined) throw new Error(`wrk printed no result: ${output}`);
  const summary = JSON.parse(line) as Record<
    'requests' | 'durationUs' | 'p50Us' | 'p99Us' | 'failed',
    number
  >;
  return {
    requestsPerSecond: (summary.requests / summary.durationUs) * 1e6,
    p50Us: summary.p50Us,
    p99Us: summary.p99Us,
    cpuUsPerRequest: ((cpuAfter - cpuBefore) * 1e6) / summary.requests,
    failed: summary.failed,
  };
}
