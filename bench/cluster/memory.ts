import { setTimeout as pause } from 'node:timers/promises';
import { memoryBytes } from '../proc.ts';
import type { BenchGateway } from './gateway.ts';

const steadyMegabytes = 1;
const steadyLooks = 6;
const maxLooks = 60;
const lookMs = 2_000;
const peakLookMs = 20;

/** Megabytes of a gateway that rests. */
export interface Memory {
  readonly resident: number;
  /** What the program keeps: the used heap and the buffers. */
  readonly kept: number;
}

const residentMegabytes = ({ pid }: BenchGateway) => memoryBytes(pid).residentBytes / 1e6;

/**
 * Collects garbage each two seconds until resident memory has been the same, within 1 MB, for twelve. Rejects when it
 * is not so within two minutes.
 */
export async function settledMemory(gateway: BenchGateway, settleMs: number): Promise<Memory> {
  await pause(settleMs);
  const residents: number[] = [];
  while (residents.length < maxLooks) {
    const kept = (await gateway.collect()) / 1e6;
    await pause(lookMs);
    const resident = residentMegabytes(gateway);
    residents.push(resident);
    const last = residents.slice(-steadyLooks);
    const isSteady = Math.max(...last) - Math.min(...last) <= steadyMegabytes;
    if (last.length === steadyLooks && isSteady) return { resident, kept };
  }
  const told = residents.map((megabytes) => megabytes.toFixed(0)).join(', ');
  throw new Error(`resident memory does not come to rest: ${told} MB`);
}

/** Does the work; resolves with the most that was resident meanwhile, in megabytes. */
export async function peakDuring(gateway: BenchGateway, work: () => Promise<void>): Promise<number> {
  let peak = residentMegabytes(gateway);
  const timer = setInterval(() => {
    peak = Math.max(peak, residentMegabytes(gateway));
  }, peakLookMs);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  return peak;
}
