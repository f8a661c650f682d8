import { readFileSync } from 'node:fs';
import type { GpuReading } from './gpu-reading.ts';

/** A replica on this machine. */
export interface LocalReplica {
  readonly id: string;
  /** Of the leader of its process group; null: it has none yet. */
  readonly pid: number | null;
  readonly isReady: boolean;
}

/** Who holds the memory of the GPUs. */
export interface GpuUse {
  /** By the ids of replicas: the most that one holds on any GPU, in bytes. Who is not seen is left out. */
  readonly bytesByReplica: ReadonlyMap<string, number>;
  /** By the numbers of GPUs: who else holds some, `Xorg (pid 1200)`. */
  readonly othersByGpu: ReadonlyMap<string, readonly string[]>;
}

/** Finds out whose the processes are that hold memory, by the process groups that they are in. */
export function gpuUse(readings: readonly GpuReading[], replicas: readonly LocalReplica[]): GpuUse {
  const idByPid = new Map(replicas.flatMap(({ id, pid }) => (pid === null ? [] : [[pid, id] as const])));
  const bytesByReplica = new Map<string, number>();
  const othersByGpu = new Map<string, string[]>();
  for (const { index, processes } of readings) {
    const held = new Map<string, number>();
    const others: string[] = [];
    for (const { pid, bytes } of processes) {
      const seen = lookAt(pid);
      const id = idByPid.get(pid) ?? (seen === null ? undefined : idByPid.get(seen.groupPid));
      if (id === undefined) others.push(seen === null ? `pid ${pid}` : `${seen.name} (pid ${pid})`);
      else if (bytes !== null) held.set(id, (held.get(id) ?? 0) + bytes);
    }
    othersByGpu.set(index, others);
    for (const [id, bytes] of held) bytesByReplica.set(id, Math.max(bytes, bytesByReplica.get(id) ?? 0));
  }
  return { bytesByReplica, othersByGpu };
}

/** The leader of a process's group, and its name; null: it is gone, or of another container. See proc_pid_stat(5). */
function lookAt(pid: number): { readonly groupPid: number; readonly name: string } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in parentheses, may itself hold spaces and parentheses.
    const [, , groupPid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { groupPid: Number(groupPid), name: stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')')) };
  } catch {
    return null;
  }
}
