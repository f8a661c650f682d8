import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

// USER_HZ: 100 on every Linux that Node runs on.
const ticksPerSecond = 100;

/** CPU seconds a process has used so far, user and system, all its threads (10 ms steps; proc(5)). */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may hold spaces; utime and stime are fields 14 and 15, counted from 1.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** Resident memory now (VmRSS) and at its peak (VmHWM), in bytes. */
export function memoryBytes(pid: number): { residentBytes: number; peakBytes: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const read = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
  return { residentBytes: read('VmRSS'), peakBytes: read('VmHWM') };
}

/** Resolves when a process has used less than 5 % of a core for 400 ms, or after 15 s. */
export async function untilQuiet(pid: number): Promise<void> {
  for (let tries = 0; tries < 37; tries++) {
    const before = cpuSeconds(pid);
    await sleep(400);
    if (cpuSeconds(pid) - before < 0.02) return;
  }
}
