import { readdirSync } from 'node:fs';
import { systemClock } from '../../core/clock.ts';
import {
  currentOwner,
  formatOwner,
  type Owner,
  type ProcessIdentity,
  readIdentity,
  readOwner,
} from './owner.ts';

const pollMs = 10;
/** A process in uninterruptible sleep (a hung GPU driver) does not die when killed: start-up goes on without it. */
const maxWaitMs = 5_000;

/**
 * Ends the processes that a gateway with the same configuration left behind when it was killed, with all that they
 * started; processes of other configurations and of gateways that still run are left alone. Linux only (elsewhere it
 * finds none); a program that cleared its environment is not found. Returns how many it ended.
 */
export function endOrphans(ownerHash: string): Promise<number> {
  return endAll((_, owner) => owner.hash === ownerHash && !isRunning(owner));
}

/**
 * Ends what the replicas of this gateway started and what left their process groups, once the replicas themselves have
 * ended; groups whose leader is a child of this process belong to another driver in it. Linux only, like `endOrphans`.
 */
export function endEscaped(gateway: Owner): Promise<number> {
  const mark = formatOwner(gateway);
  return endAll((identity, owner) => {
    const leader = readIdentity(identity.groupPid);
    return formatOwner(owner) === mark && leader?.parentPid !== gateway.pid;
  });
}

/**
 * Kills what this process started through its drivers, with all that it started, and does not wait: for an end at once,
 * when nothing can be closed in order any more. Linux only, like `endOrphans`.
 */
export function killOwned(): void {
  const gateway = currentOwner('');
  const isOwn = (_: ProcessIdentity, owner: Owner) =>
    owner.pid === gateway.pid && owner.startTime === gateway.startTime;
  for (const identity of findMarked(isOwn)) kill(identity);
}

type Choice = (identity: ProcessIdentity, owner: Owner) => boolean;

async function endAll(isChosen: Choice): Promise<number> {
  const deadlineMs = systemClock.nowMs() + maxWaitMs;
  const unaborted = new AbortController().signal;
  const ended = new Set<string>();
  // Again until none is found: one of them may have forked while the list was read.
  for (;;) {
    const found = findMarked(isChosen);
    for (const identity of found) kill(identity);
    while (found.some(isAlive) && systemClock.nowMs() < deadlineMs)
      await systemClock.sleep(pollMs, unaborted);
    for (const identity of found) if (!isAlive(identity)) ended.add(`${identity.pid}:${identity.startTime}`);
    if (found.length === 0 || systemClock.nowMs() >= deadlineMs) return ended.size;
  }
}

function findMarked(isChosen: Choice): ProcessIdentity[] {
  const found: ProcessIdentity[] = [];
  for (const pid of listPids()) {
    // The identity first: were the pid given to another in between, the comparison before the kill would fail.
    const identity = readIdentity(pid);
    if (identity === null || identity.isZombie || pid === process.pid) continue;
    const owner = readOwner(pid);
    if (owner !== null && isChosen(identity, owner)) found.push(identity);
  }
  return found;
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

function isAlive(identity: ProcessIdentity): boolean {
  const now = readIdentity(identity.pid);
  return now !== null && !now.isZombie && now.startTime === identity.startTime;
}

function kill(identity: ProcessIdentity): void {
  if (!isAlive(identity)) return;
  try {
    process.kill(identity.pid, 'SIGKILL');
  } catch (error) {
    // EPERM: it changed its user. It is not counted as ended; nothing more can be done from here.
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}
