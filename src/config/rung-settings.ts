import type { Rung } from '../core/ladder.ts';

/** A request to the replica itself, with the headers of its backend. */
interface HttpStep {
  readonly kind: 'http';
  /** Path and query, begins with `/`. */
  readonly path: string;
  /** JSON as text; null: none. */
  readonly body: string | null;
  /** Those that mean done; empty: 200 to 299. */
  readonly statuses: readonly number[];
  readonly timeoutMs: number;
}

/** A program that is run on this machine. */
interface CommandStep {
  readonly kind: 'command';
  /** argv with {pid}, {port}, {model} and {origin} still in it. */
  readonly command: readonly string[];
  readonly timeoutMs: number;
}

/** SIGSTOP or SIGCONT to the replica's process group. */
interface SignalStep {
  readonly kind: 'signal';
  readonly signal: 'stop' | 'continue';
}

/** One step of a way down or up. */
export type HookStep = HttpStep | CommandStep | SignalStep;

/** How a replica is asked whether it is on a rung; it is where the answer has `asleep` in it, spaces aside. */
export interface RungCheck {
  /** GET of a path, with status 200; or a command, whose output is the answer. */
  readonly ask:
    | { readonly kind: 'http'; readonly path: string }
    | { readonly kind: 'command'; readonly command: readonly string[] };
  /** Without spaces. */
  readonly asleep: string;
  readonly timeoutMs: number;
}

/** A rung of `scale.ladder` with what takes a replica there and back, step by step in order. */
export interface RungSettings extends Rung {
  readonly sleep: readonly HookStep[];
  readonly wake: readonly HookStep[];
  /** null: it cannot be asked. */
  readonly check: RungCheck | null;
}
