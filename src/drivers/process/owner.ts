import { readFileSync } from 'node:fs';

/** The variable by which a process tells who started it; children inherit it. */
export const ownerVariable = 'PILOTLIGHT_OWNER';

/** The gateway that started a process. */
export interface Owner {
  /** Hash of the path of the configuration. */
  readonly hash: string;
  readonly pid: number;
  /** Start time of that pid in clock ticks since boot: a pid alone may have been given to another since. */
  readonly startTime: string;
}

/** What /proc/PID/stat says that tells a process from a later one with its pid. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: string;
  readonly parentPid: number;
  /** Pid of the leader of its process group. */
  readonly groupPid: number;
  /** Dead, and not waited for by its parent. */
  readonly isZombie: boolean;
}

/** This process as an owner. Where there is no /proc the start time is 0 (and endOrphans finds nothing). */
export function currentOwner(hash: string): Owner {
  return { hash, pid: process.pid, startTime: readIdentity(process.pid)?.startTime ?? '0' };
}

/** `<hash>:<gateway pid>:<its start time>`. */
export function formatOwner(owner: Owner): string {
  return `${owner.hash}:${owner.pid}:${owner.startTime}`;
}

/** Reads what `formatOwner` wrote; null when it is something else. */
export function parseOwner(text: string): Owner | null {
  const match = /^(.+):(\d+):(\d+)$/.exec(text);
  if (!match) return null;
  const [, hash = '', pid = '', startTime = ''] = match;
  return { hash, pid: Number(pid), startTime };
}

/** The process that has this pid now; null when there is none (or no /proc). See proc_pid_stat(5). */
export function readIdentity(pid: number): ProcessIdentity | null {
  const stat = readProcFile(pid, 'stat');
  if (stat === null) return null;
  // The command's name, in parentheses, may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state = '', parentPid, groupPid] = fields;
  return {
    pid,
    startTime: fields[19] ?? '',
    parentPid: Number(parentPid),
    groupPid: Number(groupPid),
    isZombie: state === 'Z' || state === 'X',
  };
}

/** The owner named in the environment that the process was started with; null when there is none to be read. */
export function readOwner(pid: number): Owner | null {
  const environ = readProcFile(pid, 'environ');
  const prefix = `${ownerVariable}=`;
  const entry = environ?.split('\0').find((candidate) => candidate.startsWith(prefix));
  return entry === undefined ? null : parseOwner(entry.slice(prefix.length));
}

/** Null for what is gone or belongs to another user: both mean that it is not ours. */
function readProcFile(pid: number, name: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return null;
  }
}
