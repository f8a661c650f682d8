import { parseArgs } from 'node:util';

/** How the simulated backend behaves. */
export interface DemoBackendOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** The name it answers under, whichever a request names. */
  readonly model: string;
  /** Answers "Loading model" for this long after it began to listen. */
  readonly loadTimeMs: number;
  /** From a slot being free to the first token. */
  readonly firstTokenMs: number;
  /** Per request. */
  readonly tokensPerSecond: number;
  /** Length of an answer that no max_tokens cuts short. */
  readonly answerTokens: number;
  /** Requests generated at once; the others wait in order. */
  readonly slots: number;
  /** Sleeps and wakes as vLLM does with --enable-sleep-mode. */
  readonly hasSleepMode: boolean;
  /** To wake from level 1. */
  readonly wakeTimeMs: number;
  /** To reload the weights after level 2. */
  readonly reloadTimeMs: number;
  /** Routes of the sleep mode, with their query, that answer 500. */
  readonly failing: readonly string[];
}

const defaults: DemoBackendOptions = {
  host: '127.0.0.1',
  port: 8000,
  model: 'demo',
  loadTimeMs: 3_000,
  firstTokenMs: 80,
  tokensPerSecond: 50,
  answerTokens: 24,
  slots: 4,
  hasSleepMode: false,
  wakeTimeMs: 200,
  reloadTimeMs: 1_000,
  failing: [],
};

const millisecondsByUnit: Record<string, number> = { ms: 1, s: 1_000, m: 60_000 };

function parseDuration(flag: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text);
  if (match === null) throw new Error(`${flag}: "${text}" is not a duration such as 80ms, 3s or 1m`);
  return Number(match[1]) * millisecondsByUnit[match[2]!]!;
}

function parseCount(flag: string, text: string, range: readonly [number, number]): number {
  const [least, most] = range;
  const count = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (count >= least && count <= most) return count;
  throw new Error(`${flag}: "${text}" is not a whole number from ${least} to ${most}`);
}

function parseRate(flag: string, text: string): number {
  const rate = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (rate > 0) return rate;
  throw new Error(`${flag}: "${text}" is not a number above 0`);
}

function parseName(flag: string, text: string): string {
  if (text === '') throw new Error(`${flag}: must not be empty`);
  return text;
}

function parseSwitch(flag: string, text: string): boolean {
  if (text === 'on' || text === 'off') return text === 'on';
  throw new Error(`${flag}: "${text}" is not on or off`);
}

const readers: Record<string, (flag: string, text: string) => Partial<DemoBackendOptions>> = {
  host: (flag, text) => ({ host: parseName(flag, text) }),
  port: (flag, text) => ({ port: parseCount(flag, text, [0, 65_535]) }),
  model: (flag, text) => ({ model: parseName(flag, text) }),
  'load-time': (flag, text) => ({ loadTimeMs: parseDuration(flag, text) }),
  'first-token': (flag, text) => ({ firstTokenMs: parseDuration(flag, text) }),
  'tokens-per-second': (flag, text) => ({ tokensPerSecond: parseRate(flag, text) }),
  tokens: (flag, text) => ({ answerTokens: parseCount(flag, text, [1, 1_000_000]) }),
  slots: (flag, text) => ({ slots: parseCount(flag, text, [1, 10_000]) }),
  'sleep-mode': (flag, text) => ({ hasSleepMode: parseSwitch(flag, text) }),
  'wake-time': (flag, text) => ({ wakeTimeMs: parseDuration(flag, text) }),
  'reload-time': (flag, text) => ({ reloadTimeMs: parseDuration(flag, text) }),
  failing: (flag, text) => ({ failing: parseName(flag, text).split(',') }),
};

/**
 * Reads the flags of `pilotlight demo-backend`, `--flag value` or `--flag=value`; the last of a repeated one wins.
 * Throws an Error whose message is one line for the person at the terminal.
 */
export function parseDemoArgs(argv: readonly string[]): DemoBackendOptions {
  const flags = Object.keys(readers);
  const options = Object.fromEntries(flags.map((flag) => [flag, { type: 'string' as const }]));
  // Not strict: parseArgs' own messages speak of its API, not of these flags.
  const { tokens } = parseArgs({
    args: [...argv],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  let parsed = defaults;
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'positional') throw new Error(`unexpected argument "${token.value}"`);
    const read = Object.hasOwn(readers, token.name) ? readers[token.name] : undefined;
    if (read === undefined) {
      const known = flags.map((flag) => `--${flag}`).join(', ');
      throw new Error(`unknown flag ${token.rawName}; the flags are ${known}`);
    }
    if (token.value === undefined) throw new Error(`${token.rawName} needs a value`);
    parsed = { ...parsed, ...read(token.rawName, token.value) };
  }
  return parsed;
}
