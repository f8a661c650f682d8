import { readdirSync } from 'node:fs';
import { systemClock } from '../../core/clock.ts';
import { type Owner, type ProcessIdentity, readIdentity, readOwner } from './owner.ts';

const pollMs = 10;
/** A process in uninterruptible sleep (a hung GPU driver) does not die when killed: start-up goes on without it. */
const maxWaitMs = 5_000;

/**
 * Ends the processes that a gateway with the same configuration left behind when it was killed, with all that they
 * started; processes of other configurations and of gateways that still run are left alone. Linux only (elsewhere it
 * finds none); a program that cleared its environment is not found. Returns how many it ended.
 */
export async function endOrphans(ownerHash: string): Promise<number> {
  const deadlineMs = systemClock.nowMs() + maxWaitMs;
  const unaborted = new AbortController().signal;
  const ended = new Set<string>();
  // Again until none is found: one of them may have forked while the list was read.
  for (;;) {
    const orphans = findOrphans(ownerHash);
    for (const orphan of orphans) kill(orphan);
    while (orphans.some(isAlive) && systemClock.nowMs() < deadlineMs)
      await systemClock.sleep(pollMs, unaborted);
    for (const orphan of orphans) if (!isAlive(orphan)) ended.add(`${orphan.pid}:${orphan.startTime}`);
    if (orphans.length === 0 || systemClock.nowMs() >= deadlineMs) return ended.size;
  }
}

function findOrphans(ownerHash: string): ProcessIdentity[] {
  const orphans: ProcessIdentity[] = [];
  for (const pid of listPids()) {
    // The identity first: were the pid given to another in between, the comparison before the kill would fail.
    const identity = readIdentity(pid);
    if (identity === null || identity.isZombie || pid === process.pid) continue;
    const owner = readOwner(pid);
    if (owner !== null && owner.hash === ownerHash && !isRunning(owner)) orphans.push(identity);
  }
  return orphans;
}

function listPids(): number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    return []; // No /proc: not Linux.
  }
}

function isRunning(owner: Owner): boolean {
  const gateway = readIdentity(owner.pid);
  return gateway !== null && !gateway.isZombie && gateway.startTime === owner.startTime;
}

function isAlive(orphan: ProcessIdentity): boolean {
  const now = readIdentity(orphan.pid);
  return now !== null && !now.isZombie && now.startTime === orphan.startTime;
}

function kill(orphan: ProcessIdentity): void {
  if (!isAlive(orphan)) return;
  try {
    process.kill(orphan.pid, 'SIGKILL');
  } catch (error) {
    // EPERM: it changed its user. It is not counted as ended; nothing more can be done from here.
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}
