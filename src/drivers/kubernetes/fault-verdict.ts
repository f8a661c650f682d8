import type { StartFault } from '../../core/driver.ts';

/** What is to be said of a start that is not ready. */
export interface Verdict {
  /** Why it does not come on, in one line; absent: nothing is the matter. */
  readonly reason?: string;
  /** What kind of reason that is, where it is one of these. */
  readonly fault?: StartFault;
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
  { fault, isTerminal = false }: { fault?: StartFault; isTerminal?: boolean } = {},
): Verdict {
  return {
    reason: toLine(reason),
    ...(fault === undefined ? {} : { fault }),
    isTerminal,
    dueInMs: null,
  };
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
