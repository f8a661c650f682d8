import type { BalanceSettings, KeySettings } from '../config/settings.ts';
import { prefixBlocks } from './choice/prefix-blocks.ts';
import type { Affinity, PriorityClass } from './waiter.ts';

type Headers = Readonly<Record<string, string | string[] | undefined>>;

const classByName: ReadonlyMap<string, PriorityClass> = new Map([
  ['high', 0],
  ['normal', 1],
  ['low', 2],
]);

/** By which a client asks for its class. */
export const priorityHeader = 'x-pilotlight-priority';

/**
 * The class a request waits in: what `x-pilotlight-priority` (high, normal, low) asks for, but none above its key's;
 * unasked normal, or its key's where that is lower. Without keys everybody may ask for anything.
 */
export function priorityOf(headers: Headers, key: KeySettings | null): PriorityClass {
  const asked = headers[priorityHeader];
  const wanted = (typeof asked === 'string' ? classByName.get(asked.toLowerCase()) : undefined) ?? 1;
  const highest = key === null ? 0 : classByName.get(key.priority)!;
  return Math.max(wanted, highest) as PriorityClass;
}

/** What ties a request to a replica; null where nothing is configured. `prompt` is asked for only when it is needed. */
export function affinityOf(
  balance: BalanceSettings,
  headers: Headers,
  prompt: () => Uint8Array | null,
): Affinity | null {
  const session = balance.session === null ? null : sessionOf(balance.session, headers);
  const bytes = balance.strategy === 'prefix' ? prompt() : null;
  if (session === null && bytes === null) return null;
  return { session, blocks: bytes === null ? [] : prefixBlocks(bytes) };
}

function sessionOf(rule: NonNullable<BalanceSettings['session']>, headers: Headers): string | null {
  if ('header' in rule) {
    const value = headers[rule.header.toLowerCase()];
    return typeof value === 'string' && value !== '' ? value : null;
  }
  const { cookie } = headers;
  if (typeof cookie !== 'string') return null;
  for (const pair of cookie.split(';')) {
    const at = pair.indexOf('=');
    if (at !== -1 && pair.slice(0, at).trim() === rule.cookie) return pair.slice(at + 1).trim() || null;
  }
  return null;
}
