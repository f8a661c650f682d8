import { type Lab, type Target, type TargetName, type TargetOptions, Unavailable } from './lab.ts';
import { Samples } from './statistics.ts';

/** What of this repository is measured. */
export type Subject = 'pilotlight' | 'sidecar';

/** What a figure is, and what it should reach. */
interface Figure {
  readonly name: string;
  readonly unit: string;
  /** The bound to hold, in words; empty: none. */
  readonly goal: string;
  /** Decimals shown. */
  readonly digits: number;
}

/** The outcome of a scenario. */
export interface Outcome {
  readonly samples: Samples;
  /** What could not be measured and why, and what went wrong. */
  readonly notes: string[];
}

/** One thing that is measured. */
export interface Scenario {
  readonly name: string;
  /** Whose figures are compared with those of the references. */
  readonly subject: Subject;
  /** The load in one sentence. */
  readonly what: string;
  readonly figures: readonly Figure[];
  run(lab: Lab): Promise<Outcome>;
}

/** An outcome with nothing in it yet. */
export function emptyOutcome(): Outcome {
  return { samples: new Samples(), notes: [] };
}

/** Starts the named targets; one that is not available becomes a note. */
export async function startTargets(
  lab: Lab,
  names: readonly Exclude<TargetName, 'direct'>[],
  options: TargetOptions & { readonly outcome: Outcome },
): Promise<Target[]> {
  const targets: Target[] = [];
  for (const name of names) {
    try {
      targets.push(await lab.startTarget(name, options));
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      options.outcome.notes.push(`${name}: not measured: ${error.message}`);
    }
  }
  return targets;
}

/** Calls `measure` for every target in every round, beginning each round with another one. */
export async function interleave(
  targets: readonly Target[],
  rounds: number,
  measure: (target: Target) => Promise<void>,
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < targets.length; i++) {
      const target = targets[(round + i) % targets.length];
      if (target !== undefined) await measure(target);
    }
  }
}

/** Tells the stub to be ready in so many milliseconds; -1: not until told again. */
export async function setReady(stub: Target, inMs: number): Promise<void> {
  await post(stub, `/control/ready?in=${inMs}`);
}

/** Has the stub take so long for each answer. */
export async function setDelay(stub: Target, delayMs: number): Promise<void> {
  await post(stub, `/control/delay?ms=${delayMs}`);
}

/** The most requests the stub had at once since it was last asked. */
export async function takePeak(stub: Target): Promise<number> {
  return Number(await post(stub, '/control/peak'));
}

async function post(stub: Target, path: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${stub.port}${path}`, { method: 'POST' });
  return response.text();
}
