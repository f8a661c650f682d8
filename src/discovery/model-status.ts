import { fieldsOf } from './projection.ts';

/** What the gateway knows of a model, plain; the reporter decides what of it is written, and when. */
export interface ModelReport {
  /** As in `Discovered`. */
  readonly key: string;
  /** null: it is served. */
  readonly refusal: {
    readonly reason: 'Conflict' | 'Invalid' | 'NotAllowed';
    readonly faults: readonly { readonly path: string; readonly message: string }[];
  } | null;
  readonly phase: string;
  readonly replicas: number;
  readonly readyReplicas: number;
  readonly waiting: number;
  readonly inFlight: number;
  /** `atMs`: milliseconds since the epoch. */
  readonly lastColdStart: {
    readonly atMs: number;
    readonly totalMs: number;
    readonly slowestStep: string | null;
  } | null;
  readonly etaMs: number | null;
  readonly step: string | null;
  readonly reason: string | null;
  /** What lasts and somebody should mend: see TargetStatus. */
  readonly conditions: readonly { readonly type: string; readonly message: string }[];
}

/** A condition as Kubernetes writes it. */
export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False';
  readonly observedGeneration: number;
  readonly lastTransitionTime: string;
  readonly reason: string;
  readonly message: string;
}

/** `status` of a Model object. */
export interface ModelStatus {
  readonly phase: string;
  readonly replicas: number;
  readonly readyReplicas: number;
  readonly waiting: number;
  readonly inFlight: number;
  readonly lastColdStart: object | null;
  readonly etaMs: number | null;
  /** The same, for people. */
  readonly eta: string | null;
  readonly step: string | null;
  readonly reason: string | null;
  readonly observedGeneration: number;
  readonly conditions: readonly Condition[];
}

const maxMessageLength = 1_024;
const etaStepMs = 5_000;

/** Why a model is refused, in one line: `spec.scale.max: must be ...`. */
export function refusalMessage({ faults }: NonNullable<ModelReport['refusal']>): string {
  return faults
    .map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
    .join('; ')
    .slice(0, maxMessageLength);
}

/**
 * The status to write for a report. A condition that stands as it stood in `before` (a status, or anything) keeps its
 * lastTransitionTime. Counts of requests have two significant digits and the ETA steps of 5 s. Pure.
 */
export function statusOf(
  report: ModelReport,
  at: { readonly generation: number; readonly before: unknown; readonly wallMs: number },
): ModelStatus {
  const { phase, replicas, readyReplicas, lastColdStart, etaMs, step, refusal } = report;
  const cold = lastColdStart && {
    atTime: secondOf(lastColdStart.atMs),
    ms: Math.round(lastColdStart.totalMs),
    took: durationOf(lastColdStart.totalMs),
    ...(lastColdStart.slowestStep === null ? {} : { slowestStep: lastColdStart.slowestStep }),
  };
  const roundEtaMs = etaMs === null ? null : Math.ceil(etaMs / etaStepMs) * etaStepMs;
  return {
    ...{ phase, replicas, readyReplicas, step, lastColdStart: cold },
    waiting: roundCount(report.waiting),
    inFlight: roundCount(report.inFlight),
    etaMs: roundEtaMs,
    eta: roundEtaMs === null ? null : durationOf(roundEtaMs),
    reason: refusal === null ? report.reason : refusalMessage(refusal),
    observedGeneration: at.generation,
    conditions: conditionsOf(report, at),
  };
}

function conditionsOf(
  { refusal, readyReplicas, reason, phase, conditions }: ModelReport,
  { generation, before, wallMs }: { generation: number; before: unknown; wallMs: number },
): Condition[] {
  const earlier = fieldsOf(before).conditions;
  const standing = Array.isArray(earlier) ? earlier.map(fieldsOf) : [];
  const make = (type: string, isTrue: boolean, why: { reason: string; message: string }): Condition => {
    const status = isTrue ? 'True' : 'False';
    const same = standing.find((condition) => condition.type === type && condition.status === status);
    const since = typeof same?.lastTransitionTime === 'string' ? same.lastTransitionTime : secondOf(wallMs);
    const message = why.message.slice(0, maxMessageLength);
    return {
      ...{ type, status, message, observedGeneration: generation },
      lastTransitionTime: since,
      reason: why.reason,
    };
  };
  const isReady = readyReplicas > 0;
  return [
    refusal === null
      ? make('Accepted', true, { reason: 'Accepted', message: '' })
      : make('Accepted', false, { reason: refusal.reason, message: refusalMessage(refusal) }),
    make('Ready', isReady, { reason: wordOf(phase), message: isReady ? '' : (reason ?? '') }),
    ...conditions.map(({ type, message }) => make(wordOf(type), true, { reason: wordOf(type), message })),
  ];
}

/** A reason is one word that begins with a letter. */
function wordOf(text: string): string {
  const word = text.replaceAll(/[^A-Za-z0-9]/g, '').replace(/^[^A-Za-z]+/, '');
  return word === '' ? 'Unknown' : word[0]!.toUpperCase() + word.slice(1);
}

function secondOf(wallMs: number): string {
  return new Date(wallMs).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** For people, as kubectl writes ages: `0.3s`, `42s`, `2m5s`. */
function durationOf(ms: number): string {
  if (ms < 9_950) return `${Number((ms / 1_000).toFixed(1))}s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds}s`;
  return seconds % 60 === 0 ? `${seconds / 60}m` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}

function roundCount(count: number): number {
  return count < 100 ? count : Number(count.toPrecision(2));
}

const livelyFields = { waiting: 0, inFlight: 0, etaMs: null, eta: null };

/** What of a status is worth a write at once: all but the counts of requests and the ETA. */
export function steadyPart(status: ModelStatus): ModelStatus {
  return { ...status, ...livelyFields };
}
