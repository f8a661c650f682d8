import type { PodObject } from './pod-object.ts';

/** What goes wrong with a scripted pod, in the words of its annotation. */
export type ScriptedFault =
  | 'image-not-found'
  | 'image-unauthorized'
  | 'registry-down'
  | 'invalid-image-name'
  | 'never-pull'
  | 'config-error'
  | 'crash'
  | 'oom'
  | 'admission'
  | 'evicted'
  | 'failed-mount'
  | 'multi-attach'
  | 'never-ready';

const faults: readonly ScriptedFault[] = [
  'image-not-found',
  'image-unauthorized',
  'registry-down',
  'invalid-image-name',
  'never-pull',
  'config-error',
  'crash',
  'oom',
  'admission',
  'evicted',
  'failed-mount',
  'multi-attach',
  'never-ready',
];

/**
 * How a pod is played: each field is the annotation `played.pilotlight.dev/NAME` of the pod, named beside it. On a pod that
 * runs, `unready` and the fault `evicted` may be added and taken away.
 */
export interface Script {
  /** `fault`; null: none. */
  readonly fault: ScriptedFault | null;
  /** `mode`: `process` runs the container as a process, with no time to load; else within the kubelet's process. */
  readonly isProcess: boolean;
  /** `mode`: `pod` runs each container as the process that its command names, in a network of the pod's own. */
  readonly hasOwnNetwork: boolean;
  /** `attach-ms`: until its volume is attached; 0: it has none. */
  readonly attachMs: number;
  /** `pull-ms`. */
  readonly pullMs: number;
  /** `init-ms`: how long each init container runs. */
  readonly initMs: number;
  /** `listen-ms`: from the container's start until its port opens. */
  readonly listenMs: number;
  /** `load-ms`: from the port being open until it no longer answers 503 "Loading model". */
  readonly loadMs: number;
  /** `run-ms`: from the container's start until it crashes; from the fault `evicted` being seen until the pod is. */
  readonly runMs: number;
  /** `exit-code` of a crash. */
  readonly exitCode: number;
  /** `termination-message` of a crash. */
  readonly terminationMessage: string;
  /** `log`: the lines with which each run of a container that crashes ends; `{run}` is its number, from 1. */
  readonly log: string;
  /** `backoff-ms`: the first pause before a container or a pull is tried again; doubles, as a kubelet's 10 s do. */
  readonly backOffMs: number;
  /** `probe-ms`: the pace of probes in place of periodSeconds; 0: as the pod says. */
  readonly probeMs: number;
  /** `drain-ms`: how long it still runs after it was told to end (after preStop); its grace period bounds it. */
  readonly drainMs: number;
  /** `unready: true` fails the readiness probe, for as long as it stands there; so does the fault `never-ready`. */
  readonly isUnready: boolean;
}

const prefix = 'played.pilotlight.dev/';

/** Reads the script off a pod's annotations. Throws an Error that names the annotation that makes no sense. */
export function scriptOf(pod: PodObject): Script {
  const annotations = pod.metadata.annotations ?? {};
  const count = (name: string, otherwise: number): number => {
    const text = annotations[prefix + name];
    if (text === undefined) return otherwise;
    if (!/^\d+$/.test(text)) throw new Error(`${prefix}${name}: "${text}" is not a whole number`);
    return Number(text);
  };
  const named = annotations[`${prefix}fault`];
  const fault = faults.find((known) => known === named) ?? null;
  if (named !== undefined && fault === null) throw new Error(`${prefix}fault: "${named}" is not known`);
  const mode = annotations[`${prefix}mode`];
  if (mode !== undefined && mode !== 'process' && mode !== 'pod')
    throw new Error(`${prefix}mode: "${mode}" is not known`);
  return {
    fault,
    isProcess: mode === 'process',
    hasOwnNetwork: mode === 'pod',
    attachMs: count('attach-ms', 0),
    pullMs: count('pull-ms', 0),
    initMs: count('init-ms', 0),
    listenMs: count('listen-ms', 0),
    loadMs: count('load-ms', 0),
    runMs: count('run-ms', 0),
    exitCode: count('exit-code', 1),
    terminationMessage: annotations[`${prefix}termination-message`] ?? '',
    log: annotations[`${prefix}log`] ?? '',
    backOffMs: count('backoff-ms', 200),
    probeMs: count('probe-ms', 0),
    drainMs: count('drain-ms', 0),
    isUnready: fault === 'never-ready' || annotations[`${prefix}unready`] === 'true',
  };
}
