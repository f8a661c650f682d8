import { parseArgs } from 'node:util';

/** The command line cannot be understood: one line for the person at the terminal, and exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * Reads `--flag value` and `--flag=value` of a command; the last of a repeated one wins. Throws UsageError for an
 * unknown flag, one without a value, and any other argument.
 */
export function readFlags<Flag extends string>(
  command: string,
  args: readonly string[],
  flags: readonly Flag[],
): Partial<Record<Flag, string>> {
  const lists = readFlagLists(command, args, flags);
  const lasts = flags.map((flag) => [flag, lists[flag]?.at(-1)] as const);
  return Object.fromEntries(lasts.filter(([, value]) => value !== undefined)) as Partial<
    Record<Flag, string>
  >;
}

/** As `readFlags`, with all the values of a repeated flag in their order. */
export function readFlagLists<Flag extends string>(
  command: string,
  args: readonly string[],
  flags: readonly Flag[],
): Partial<Record<Flag, readonly string[]>> {
  const options = Object.fromEntries(flags.map((flag) => [flag, { type: 'string' as const }]));
  // Not strict: parseArgs' own messages speak of its API, not of these flags.
  const { tokens } = parseArgs({
    args: [...args],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values: Partial<Record<string, string[]>> = {};
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'positional') throw new UsageError(`${command}: unexpected argument "${token.value}"`);
    if (!Object.hasOwn(options, token.name)) {
      const known =
        flags.length === 0 ? 'it has none' : `it has ${flags.map((flag) => `--${flag}`).join(', ')}`;
      throw new UsageError(`${command}: unknown flag ${token.rawName}; ${known}`);
    }
    if (!token.value) throw new UsageError(`${command}: ${token.rawName} needs a value`);
    values[token.name] = [...(values[token.name] ?? []), token.value];
  }
  return values as Partial<Record<Flag, readonly string[]>>;
}

/** Takes a flag that has no value out of the arguments; what is left is for `readFlags`. */
export function takeSwitch(
  args: readonly string[],
  flag: string,
): { readonly isGiven: boolean; readonly rest: readonly string[] } {
  const rest = args.filter((arg) => arg !== flag);
  return { isGiven: rest.length < args.length, rest };
}

/** Whether --help or -h is among the arguments (of those before a `--`). */
export function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  const flags = end === -1 ? args : args.slice(0, end);
  return flags.includes('--help') || flags.includes('-h');
}
