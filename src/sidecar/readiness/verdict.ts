import type { Clock } from '../../core/clock.ts';

/** What one try of a probe came to. */
export interface Verdict {
  readonly isPassed: boolean;
  /** The app said that it is loading. */
  readonly isLoading: boolean;
  /** In one line, for people: `GET /health: 503`. */
  readonly detail: string;
}

/** How one try is made. */
export interface Attempt {
  readonly timeoutMs: number;
  /** Text in a 503 by which the app says that it is loading; null: not looked for. */
  readonly loading: string | null;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** The User-Agent of the original's probes: the kubelet's prefix, with the versions that it leaves empty. */
export const probeAgent = 'kube-probe//';

/** One line of what went wrong. */
export function failed(name: string, error: unknown): Verdict {
  const what = error instanceof Error ? error.message : String(error);
  return { isPassed: false, isLoading: false, detail: `${name}: ${what}` };
}
