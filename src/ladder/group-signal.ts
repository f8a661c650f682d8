import { readFileSync } from 'node:fs';

/** Stops or continues the process group that `pid` leads. Throws an Error of one line when there is none. */
export function signalGroup(pid: number, signal: 'stop' | 'continue'): void {
  const name = signal === 'stop' ? 'SIGSTOP' : 'SIGCONT';
  try {
    // The group outlives its leader where dead members are not waited for.
    process.kill(pid, 0);
    process.kill(-pid, name);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(code === 'ESRCH' ? `no process ${pid}` : (code ?? message), { cause: error });
  }
}

/** Whether a signal holds the process; null: there is none, or it cannot be told (no /proc). See proc_pid_stat(5). */
export function isStopped(pid: number): boolean | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command's name, in parentheses, may itself hold spaces and parentheses.
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T ');
  } catch {
    return null; // It has ended, or this is not Linux: then nothing holds it as far as is known.
  }
}
