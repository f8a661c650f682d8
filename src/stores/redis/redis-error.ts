import { PilotlightError } from '../../core/errors.ts';

/** Long enough for any reply of Redis; a reply that quotes what it was sent is cut. */
const maxTextLength = 300;

/**
 * What a failure of ioredis or a reply of Redis is told as: store_full where memory or disk is full, else store_unavailable. The
 * error of ioredis carries the arguments of its command (the password, the bytes of jobs), so only its text is kept as the cause.
 */
export function redisErrorOf(error: unknown, address: string): PilotlightError {
  if (error instanceof PilotlightError) return error;
  const text = textOf(error);
  const cause = new Error(`Redis at ${address}: ${text}`);
  if (isFull(text)) return new PilotlightError('store_full', 'store: Redis has no room left', { cause });
  return new PilotlightError('store_unavailable', `store: Redis cannot be asked: ${reasonOf(text)}`, {
    cause,
  });
}

/** Whether Redis answered so to a script that it does not know. */
export function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}

/** Whether Redis itself refused, so that asking again at once changes nothing (a wrong password, no right to a command). */
export function isRefusal(error: unknown): boolean {
  return error instanceof Error && /^(WRONGPASS|NOAUTH|NOPERM|ERR) /.test(error.message);
}

function textOf(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.slice(0, maxTextLength);
}

function isFull(text: string): boolean {
  return text.startsWith('OOM ') || /no space left on device/i.test(text);
}

const reasons: readonly (readonly [RegExp, string])[] = [
  [/^LOADING/, 'it is loading its data'],
  [/^READONLY/, 'it is a replica, which takes no writes'],
  [/^MASTERDOWN/, 'it is a replica that has lost its master'],
  [/^MISCONF/, 'it cannot write its data to disk'],
  [/^(MOVED|ASK|CLUSTERDOWN|CROSSSLOT)/, 'it is a cluster, and this node does not keep the jobs'],
  [/^(WRONGPASS|NOAUTH)/, 'it refuses the password'],
  [/^NOPERM/, 'its user may not do what is needed'],
  [/^(BUSY|UNKILLABLE)/, 'a script keeps it busy'],
  [/^(NOREPLICAS|ERR|WRONGTYPE)/, 'it refuses'],
];

function reasonOf(text: string): string {
  return reasons.find(([pattern]) => pattern.test(text))?.[1] ?? 'the connection is lost';
}
