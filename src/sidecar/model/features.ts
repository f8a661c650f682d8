import { nearest } from '../../config/hints.ts';
import { Misfit, type Variable } from '../environment/variable.ts';
import type { ModelFeatures } from '../settings.ts';
import { modelOptions } from './options.ts';

/** What was written for models: each text by the name of its option, and how a name is written there. */
export interface ModelTexts {
  readonly textByName: ReadonlyMap<string, string>;
  /** For messages: the whole name of the annotation or variable. */
  keyOf(name: string): string;
}

/** A value that cannot be taken: what holds it, what is there, and what is expected. */
export interface ModelFault {
  readonly name: string;
  readonly value: string;
  readonly expected: string;
}

/** The settings, what cannot be taken of them, and what is of no effect, in words for the log. */
export interface ModelReading {
  readonly features: ModelFeatures;
  readonly faults: readonly ModelFault[];
  readonly warnings: readonly string[];
}

const annotationPrefix = 'qpoption.knative.dev/pilotlight-';
const variablePrefix = 'PILOTLIGHT_';

/** What Kubernetes sets for a Service whose name begins with pilotlight: PILOTLIGHT_SERVICE_HOST, PILOTLIGHT_PORT_80_TCP. */
const ofService = /(?:^|_)(?:SERVICE_(?:HOST|PORT)|PORT)(?:_|$)/;

/** The annotation that an option is in Knative mode. */
export function annotationOf(name: string): string {
  return annotationPrefix + name;
}

/** The variable that an option is in plain mode: `openai-errors` is PILOTLIGHT_OPENAI_ERRORS. */
export function variableOf(name: string): string {
  return variablePrefix + name.toUpperCase().replaceAll('-', '_');
}

/** `textByName`: the pod's annotations that begin with qpoption.knative.dev/pilotlight-, without that. */
export function annotationTexts(textByName: ReadonlyMap<string, string>): ModelTexts {
  return { textByName, keyOf: annotationOf };
}

/** The variables PILOTLIGHT_*, but for `others`, which are known and no options of the model features. */
export function variableTexts(
  environment: Readonly<Record<string, string | undefined>>,
  others: readonly string[] = [],
): ModelTexts {
  const textByName = new Map<string, string>();
  for (const [variable, value] of Object.entries(environment)) {
    if (!variable.startsWith(variablePrefix) || value === undefined || others.includes(variable)) continue;
    const rest = variable.slice(variablePrefix.length);
    if (!ofService.test(rest)) textByName.set(rest.toLowerCase().replaceAll('_', '-'), value);
  }
  return { textByName, keyOf: variableOf };
}

type Values = {
  readonly [Name in keyof typeof modelOptions]: (typeof modelOptions)[Name] extends Variable<infer Value>
    ? Value
    : never;
};

/** What else of a sidecar's settings decides whether an option has an effect. */
export interface ModelSurroundings {
  /** 0: nothing waits for a slot, unless it is an option that makes it wait. */
  readonly concurrency: number;
  /** Prometheus may ask for metrics. */
  readonly isScraped: boolean;
}

/** Reads what was written for models. Never throws; what is not given, empty or cannot be taken has its default. */
export function modelFeaturesOf(texts: ModelTexts, surroundings: ModelSurroundings): ModelReading {
  const faults: ModelFault[] = [];
  const read = Object.entries(modelOptions).map(([name, option]) => {
    const variable: Variable<unknown> = option;
    const given = texts.textByName.get(name) ?? '';
    const value = given === '' ? variable.fallback : variable.parse(given);
    if (!(value instanceof Misfit)) return [name, value] as const;
    faults.push({ name: texts.keyOf(name), value: given, expected: value.expected });
    return [name, variable.fallback] as const;
  });
  const values = Object.fromEntries(read) as Values;
  const features = featuresIn(values);
  const warnings = [
    ...unknownIn(texts),
    ...idleIn(texts, values),
    ...uselessIn(texts, features, surroundings),
  ];
  return { features, faults, warnings };
}

function featuresIn(values: Values): ModelFeatures {
  const sleepMs = values['sleep-idle'];
  return {
    heartbeatMs: values.heartbeat,
    openaiErrors: values['openai-errors'],
    priorities: values.priorities,
    deadlines: values.deadlines,
    queueMax: values['queue-depth'],
    queueTimeoutMs: values['queue-timeout'],
    loading: values.loading === '' ? null : { text: values.loading, path: values['loading-path'] },
    metrics: values.metrics,
    adaptive: values.adaptive
      ? {
          path: values['adaptive-path'],
          everyMs: values['adaptive-every'],
          maxWaiting: values['adaptive-waiting'],
        }
      : null,
    sleep: sleepMs === 0 ? null : sleepOf(values, sleepMs),
  };
}

function sleepOf(values: Values, idleMs: number): NonNullable<ModelFeatures['sleep']> {
  return {
    idleMs,
    sleep: values['sleep-hook'],
    wake: values['wake-hook'],
    ready: {
      kind: 'http',
      path: values['wake-path'],
      statuses: [200],
      body: null,
      timeoutMs: 1000,
      startupMs: values['wake-timeout'],
      loading: values.loading,
      headers: {},
    },
  };
}

/** They are ours, so one that is not known is a slip; it must not stop a pod that a newer version would take. */
function unknownIn({ textByName, keyOf }: ModelTexts): string[] {
  const known = Object.keys(modelOptions);
  return [...textByName.keys()]
    .filter((name) => !known.includes(name))
    .map((name) => {
      const guess = nearest(name, known);
      const hint =
        guess === null ? `known are ${known.map(keyOf).join(', ')}` : `did you mean ${keyOf(guess)}?`;
      return `${keyOf(name)} is not known and has no effect: ${hint}`;
    });
}

/** Options that only say how, of what is off. */
function idleIn({ textByName, keyOf }: ModelTexts, values: Values): string[] {
  return Object.entries(modelOptions).flatMap(([name, { needs }]) => {
    const isIdle = needs !== null && textByName.has(name) && !values[needs as keyof Values];
    return isIdle ? [`${keyOf(name)} has no effect without ${keyOf(needs)}`] : [];
  });
}

const ofWaiting = ['heartbeat', 'priorities', 'deadlines', 'queue-depth', 'queue-timeout'] as const;

/** Options that the rest of the settings leaves nothing to do. */
function uselessIn(
  { textByName, keyOf }: ModelTexts,
  { metrics, sleep, adaptive }: ModelFeatures,
  { concurrency, isScraped }: ModelSurroundings,
): string[] {
  const hasQueue = concurrency > 0 || sleep !== null || adaptive !== null;
  const useless = hasQueue
    ? []
    : ofWaiting
        .filter((name) => textByName.has(name))
        .map((name) => `${keyOf(name)} has no effect: CONTAINER_CONCURRENCY is 0, so nothing waits`);
  if (metrics && !isScraped) {
    useless.push(`${keyOf('metrics')} has no effect: requestMetrics.protocol is not prometheus`);
  }
  return useless;
}
