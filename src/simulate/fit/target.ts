import { formatDuration, parseDuration } from '../../config/quantities.ts';
import type { Figures } from '../figures.ts';

/** A figure that a target can be about. */
export interface Aim {
  readonly name: AimName;
  /** Whether more idle time makes it less; hours are made more by it. */
  readonly isWait: boolean;
  /** What it is; `days`: of the part of the trace that it is of. */
  valueOf(figures: Figures, days: number): number;
  /** For people. */
  textOf(value: number): string;
}

export type AimName = 'mean' | 'p50' | 'p95' | 'p99' | 'cold' | 'hours';

/** A figure is to stay below this. */
export interface Limit {
  readonly aim: Aim;
  /** In the units of the aim: milliseconds, percent, or replica-hours in a day. */
  readonly below: number;
}

/** What settings are looked for. */
export interface Target {
  /** As it is written shortest: `p95<5s,cold<10%`. */
  readonly text: string;
  readonly limits: readonly Limit[];
  /** Of those that keep the limits, the one with the least of this. */
  readonly by: Aim;
}

const msPerSecond = 1_000;

function wait(name: 'mean' | 'p50' | 'p95' | 'p99'): Aim {
  return {
    name,
    isWait: true,
    valueOf: ({ waitMs }) => waitMs?.[name] ?? 0,
    textOf: (ms) => `${(ms / msPerSecond).toFixed(1)}s`,
  };
}

const aims: Readonly<Record<AimName, Aim>> = {
  mean: wait('mean'),
  p50: wait('p50'),
  p95: wait('p95'),
  p99: wait('p99'),
  cold: {
    name: 'cold',
    isWait: true,
    valueOf: ({ coldShare }) => coldShare * 100,
    textOf: (percent) => `${percent.toFixed(1)} %`,
  },
  hours: {
    name: 'hours',
    isWait: false,
    valueOf: ({ replicaHours: { busy, idle, loading } }, days) => (busy + idle + loading) / days,
    textOf: (hours) => `${hours.toFixed(1)} h a day`,
  },
};

const names = Object.keys(aims) as AimName[];

const usage = 'p95<5s, mean<2s, cold<10%, hours<24 (replica-hours in a day), several with commas';

/** Reads the name of a figure. Throws an Error of one line. */
export function parseAim(text: string): Aim {
  const name = names.find((one) => one === text);
  if (name === undefined) throw new Error(`"${text}" is no figure; there are ${names.join(', ')}`);
  return aims[name];
}

/**
 * Reads limits: a figure, `<`, and what it is to stay below; several with commas. For people, `p95 wait under 5 s, cheapest`
 * is read as `p95<5s`. Throws an Error of one line.
 */
export function parseTarget(text: string, by: Aim): Target {
  const parts = text.split(',').map((part) => part.trim());
  const limits = parts.filter((part) => part !== 'cheapest').map((part) => limitOf(part));
  if (limits.length === 0) throw new Error(`"${text}" sets no limit; write ${usage}`);
  return { text: limits.map(textOfLimit).join(','), limits, by };
}

function limitOf(part: string): Limit {
  const match = /^(\w+)(?: wait)?\s*(?:<|under\b|below\b)\s*(\S.*)$/.exec(part);
  const [, name = '', written = ''] = match ?? [];
  if (match === null || !Object.hasOwn(aims, name)) throw new Error(`"${part}" is not written as ${usage}`);
  const aim = parseAim(name);
  const below = amountOf(aim, written.replaceAll(' ', ''));
  if (below === null) throw new Error(`"${part}": "${written}" is no limit for ${name}; write ${usage}`);
  return { aim, below };
}

/** In the units of the aim; null: it is none, or not above 0. */
function amountOf({ name, isWait }: Aim, text: string): number | null {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(%|h)?$/.exec(text) ?? [];
  let amount: number | null = null;
  if (name === 'cold') amount = unit === '%' ? Number(number) : null;
  else if (isWait) amount = parseDuration(text);
  else if (unit !== '%' && number !== undefined) amount = Number(number);
  return amount === null || amount === 0 ? null : amount;
}

function textOfLimit({ aim, below }: Limit): string {
  if (aim.name === 'cold') return `cold<${below}%`;
  return `${aim.name}<${aim.isWait ? formatDuration(below) : below}`;
}

/** Whether all limits are kept. */
export function isMet({ limits }: Target, figures: Figures, days: number): boolean {
  return limits.every(({ aim, below }) => aim.valueOf(figures, days) < below);
}
