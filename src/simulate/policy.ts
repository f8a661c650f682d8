import { modelSchema } from '../config/model.ts';
import { modelOf } from '../config/normalise.ts';
import { formatDuration, parseDuration } from '../config/quantities.ts';
import type { ModelSettings } from '../config/settings.ts';
import type { Spread } from './spread.ts';

/** What all models of a simulation have in common, whatever the policy. */
export interface ModelShape {
  /** Requests at once per replica; 0 = no limit. */
  readonly concurrency: number;
  /** Most replicas. */
  readonly max: number;
  /** How long starts take: none of them fails for taking long. */
  readonly load: Spread;
}

/** When replicas are started and ended: settings as a configuration has them. */
export interface Policy {
  /** As it was asked for: `fixed:10m`. */
  readonly name: string;
  /** Of any model; its name is replaced. */
  readonly settings: ModelSettings;
  /** Of those that have settings of their own. */
  readonly settingsByModel?: ReadonlyMap<string, ModelSettings>;
}

/** `scale` of a model, as a configuration has it. */
export type Scale = Readonly<Record<string, unknown>>;

interface PolicyKind {
  /** How it is written, for errors and help. */
  readonly usage: string;
  /** The model's `scale` by what follows the colon; null: that is none. */
  scaleOf(args: string): Scale | null;
}

/** By the name before the colon. */
const kinds: Readonly<Record<string, PolicyKind>> = {
  /** To zero after so long without a request, also where starts follow soon: what others are measured against. */
  fixed: {
    usage: 'fixed:DURATION',
    scaleOf(args) {
      const idleMs = parseDuration(args);
      if (idleMs === null || idleMs === 0) return null;
      return { min: 0, idle: formatDuration(idleMs), thrashWindow: 0 };
    },
  },
  /** To zero after a time that is learned; the cost of a cold start is the idle time that is as dear. */
  adaptive: {
    usage: 'adaptive[:DURATION]',
    scaleOf(args) {
      if (args === '') return { min: 0, idle: 'adaptive' };
      const costMs = parseDuration(args);
      return costMs === null ? null : { min: 0, idle: 'adaptive', coldStartCost: formatDuration(costMs) };
    },
  },
  /** Knative's arithmetic with its own defaults. */
  kpa: { usage: 'kpa', scaleOf: (args) => (args === '' ? { min: 0, policy: 'kpa' } : null) },
  /** A further replica where the oldest of those who wait has waited longer. */
  'queue-delay': {
    usage: 'queue-delay:DURATION',
    scaleOf(args) {
      const targetMs = parseDuration(args);
      return targetMs === null || targetMs === 0
        ? null
        : { min: 0, signals: { queueDelay: formatDuration(targetMs) } };
    },
  },
  /** Further replicas where more wait for each. */
  waiting: {
    usage: 'waiting:NUMBER',
    scaleOf(args) {
      const target = /^\d+(\.\d+)?$/.test(args) ? Number(args) : 0;
      return target === 0 ? null : { min: 0, signals: { waitingPerReplica: target } };
    },
  },
  /** Never to zero: what it costs where nothing sleeps. */
  always: { usage: 'always', scaleOf: (args) => (args === '' ? { min: 1, idle: 0 } : null) },
};

/** How policies are written. */
const policyUsages: readonly string[] = Object.values(kinds).map(({ usage }) => usage);

const leastStartupMs = 600_000;

/** More than any trace has waiting: a simulation refuses nobody. */
const unboundedQueue = 1_000_000_000;

/** Reads `NAME` or `NAME:ARGS`. Throws an Error of one line. */
export function parsePolicy(text: string, shape: ModelShape): Policy {
  const [name = '', ...rest] = text.split(':');
  const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
  if (kind === undefined) throw new Error(`"${text}" is no policy; there are ${policyUsages.join(', ')}`);
  const scale = kind.scaleOf(rest.join(':'));
  if (scale === null) throw new Error(`"${text}" is not written as ${kind.usage}`);
  return policyOf(text, scale, shape);
}

/** The same `scale` for each model. Throws an Error of one line for one that no model may have. */
export function policyOf(name: string, scale: Scale, shape: ModelShape): Policy {
  const raw = modelSchema.safeParse({
    backend: {
      driver: 'process',
      command: ['simulated'],
      ready: { startup: startupOf(shape) },
    },
    concurrency: shape.concurrency,
    queue: { max: unboundedQueue, timeout: 0 },
    scale: { max: shape.max, ...scale },
    timeouts: { total: 0 },
  });
  if (!raw.success)
    throw new Error(`"${name}": ${raw.error.issues.map(({ message }) => message).join('; ')}`);
  return { name, settings: modelOf('simulated', raw.data) };
}

/** A `scale` for each model. Throws as `policyOf`. */
export function policyOfModels(name: string, scales: ReadonlyMap<string, Scale>, shape: ModelShape): Policy {
  const byText = new Map<string, ModelSettings>();
  const settingsOf = (scale: Scale) => {
    const text = JSON.stringify(scale);
    const settings = byText.get(text) ?? policyOf(name, scale, shape).settings;
    byText.set(text, settings);
    return settings;
  };
  const settingsByModel = new Map([...scales].map(([model, scale]) => [model, settingsOf(scale)]));
  return { name, settings: policyOf(name, {}, shape).settings, settingsByModel };
}

function startupOf({ load }: ModelShape): string {
  return formatDuration(Math.max(leastStartupMs, 2 * load.longestMs));
}
