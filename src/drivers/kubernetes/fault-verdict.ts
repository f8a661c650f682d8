import type { StartFault } from '../../core/driver.ts';

/** An exit of which no message says why: the log of its container may. */
export interface SilentExit {
  readonly container: string;
  /** Which exit of the container it is in the life of its pod, from 1. */
  readonly number: number;
  /** By the status it is how the current run ended; else how the one before did. */
  readonly isCurrent: boolean;
}

/** What is to be said of a start that is not ready. */
export interface Verdict {
  /** Why it does not come on, in one line; absent: nothing is the matter. */
  readonly reason?: string;
  /** What kind of reason that is, where it is one of these. */
  readonly fault?: StartFault;
  /** The exit that `reason` tells, where its log is worth a look. */
  readonly silentExit?: SilentExit;
  /** It will not become ready by waiting: its start has failed. */
  readonly isTerminal: boolean;
  /** It is to be judged again after that long, though nothing changes; null: not before something does. */
  readonly dueInMs: number | null;
}

/** Nothing is the matter. */
export const fine: Verdict = { isTerminal: false, dueInMs: null };

/** Something is the matter; by default it may still come on. */
export function verdict(
  reason: string,
  { fault, silentExit, isTerminal = false }: Partial<Omit<Verdict, 'reason' | 'dueInMs'>> = {},
): Verdict {
  return {
    reason: toLine(reason),
    ...(fault === undefined ? {} : { fault }),
    ...(silentExit === undefined ? {} : { silentExit }),
    isTerminal,
    dueInMs: null,
  };
}

/** The same, with `detail` at the end of its reason. */
export function detailed(judged: Verdict, detail: string): Verdict {
  return { ...judged, reason: toLine(joined(judged.reason ?? '', detail)) };
}

const maxReasonLength = 400;

/** One line of bounded length. */
function toLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > maxReasonLength ? `${line.slice(0, maxReasonLength)}…` : line;
}

/** `what: message`, or `what` where there is no message. */
export function joined(what: string, message: string): string {
  return message.trim() === '' ? what : `${what}: ${message}`;
}

/** The last line that says something: of a traceback it names the error. */
export function lastLineOf(text: string): string {
  return text.trimEnd().split('\n').at(-1)?.trim() ?? '';
}
