import { isIP } from 'node:net';
import type { RedisOptions } from 'ioredis';
import { PilotlightError } from '../../core/errors.ts';

/** How long a lost connection waits before it is tried again, in ms: doubling from the first to the last. */
const retryMs = { first: 50, last: 1_000 } as const;

/** Options of ioredis, with those that are read again. */
type RedisLinkSettings = RedisOptions & {
  readonly host: string;
  readonly port: number;
  readonly replyMapping: 'legacy';
};

/**
 * What ioredis is told: taken from the URL by hand, since ioredis would let the query of a URL set any option. Nothing is
 * queued or sent again by it: a commit that is sent twice would meet itself as a conflict. Throws store_unavailable, without
 * the URL, which holds a password.
 */
export function redisOptionsOf(url: string): RedisLinkSettings {
  const { protocol, hostname, port, username, password, pathname } = parse(url);
  const host = hostname.replace(/^\[|\]$/g, '') || 'localhost';
  const db = pathname === '' || pathname === '/' ? 0 : Number(pathname.slice(1));
  if (!Number.isInteger(db) || db < 0) throw badUrl('its path must be the number of a database');
  return {
    host,
    port: port === '' ? 6_379 : Number(port),
    db,
    ...(username === '' ? {} : { username: decoded(username) }),
    ...(password === '' ? {} : { password: decoded(password) }),
    ...(protocol === 'rediss:' ? { tls: isIP(host) === 0 ? { servername: host } : {} } : {}),
    protocol: 2,
    replyMapping: 'legacy',
    lazyConnect: true,
    connectTimeout: 5_000,
    socketTimeout: 10_000,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    maxLoadingRetryTime: 1_000,
    retryStrategy: (times) => Math.min(retryMs.last, retryMs.first * 2 ** Math.min(times - 1, 10)),
    // A master that became a replica: its name may lead to the new master by now.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  };
}

function parse(url: string): URL {
  const parsed = URL.parse(url);
  if (parsed && /^rediss?:$/.test(parsed.protocol)) return parsed;
  throw badUrl('must be redis://HOST:PORT or rediss://HOST:PORT');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badUrl('a % in its user or password must be written as %25');
  }
}

function badUrl(why: string): PilotlightError {
  return new PilotlightError('store_unavailable', `store: the URL of Redis cannot be used: ${why}`);
}
