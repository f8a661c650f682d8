import type { SleepingReplica } from '../core/ladder.ts';

/**
 * Fills {pid}, {port}, {model} and {origin} into a command; what was filled in is not looked at again. Throws an Error of
 * one line for one that is not known of the replica.
 */
export function fillReplica(
  command: readonly string[],
  { pid, origin }: SleepingReplica,
  model: string,
): string[] {
  const url = origin === null ? null : new URL(origin);
  const port = url === null ? null : url.port || (url.protocol === 'https:' ? '443' : '80');
  const values: Readonly<Record<string, string | null>> = {
    pid: pid === null ? null : String(pid),
    ...{ port, model, origin },
  };
  return command.map((text) =>
    text.replace(/\{(pid|port|model|origin)\}/g, (_, name: string) => {
      const value = values[name] ?? null;
      if (value === null) throw new Error(`{${name}} is not known`);
      return value;
    }),
  );
}
