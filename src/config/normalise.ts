import { createHash } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import type { RawConfig } from './schema.ts';
import type {
  BackendSettings,
  KeySettings,
  MatchSettings,
  ModelSettings,
  RevisionSettings,
  ServerSettings,
  Settings,
} from './settings.ts';

type RawModel = RawConfig['models'][string];
type RawBackend = RawModel['backend'];

/** The longest start and this much on top is the default of queue.timeout. */
const queueSlackMs = 60_000;

/** What the schema yielded, with the defaults that depend on other keys. `file` is where relative paths start. */
export function normalise(raw: RawConfig, file: string): Settings {
  const models = Object.entries(raw.models).map(([name, model]) => [name, modelOf(name, model)] as const);
  return {
    server: serverOf(raw.server, dirname(file)),
    auth: authOf(raw.auth),
    store: raw.store,
    kubernetes: null,
    log: raw.log,
    models: new Map(models),
  };
}

function serverOf(raw: RawConfig['server'], folder: string): ServerSettings {
  const admin =
    'listen' in raw.admin ? { ...raw.admin.listen, token: raw.admin.token } : { ...raw.admin, token: null };
  return {
    listen: raw.listen,
    admin,
    tls: raw.tls && { certFile: resolve(folder, raw.tls.cert), keyFile: resolve(folder, raw.tls.key) },
    corsOrigins: raw.cors,
    maxBodyBytes: raw.maxBody,
    heldMemoryBytes: raw.heldMemory,
    spool: { dir: raw.spool.dir, maxBytes: raw.spool.max },
    drainMs: raw.drain,
    limits: {
      headerBytes: raw.limits.headerSize,
      headerCount: raw.limits.headerCount,
      headerTimeoutMs: raw.limits.headerTimeout,
      bodyTimeoutMs: raw.limits.bodyTimeout,
      connections: raw.limits.connections,
      keepAliveMs: raw.limits.keepAlive,
    },
  };
}

function authOf(raw: RawConfig['auth']): Settings['auth'] {
  if (raw === null || raw === 'open') return { open: raw === 'open', keys: [] };
  return { open: false, keys: raw.keys.map(keyOf) };
}

function keyOf({
  name,
  sha256,
  key,
  priority,
}: Exclude<RawConfig['auth'], null | 'open'>['keys'][number]): KeySettings {
  return { name, sha256: sha256?.toLowerCase() ?? sha256Of(key ?? ''), priority };
}

/** SHA-256 of a key, as KeySettings keeps it. */
export function sha256Of(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

function modelOf(name: string, raw: RawModel): ModelSettings {
  return {
    name,
    aliases: raw.aliases,
    match: raw.match && matchOf(raw.match),
    cold: raw.cold,
    deadlineAware: raw.deadlineAware,
    heartbeat: { streamMs: raw.heartbeat.stream, jsonMs: raw.heartbeat.json },
    revision: revisionOf(raw),
  };
}

function matchOf(raw: NonNullable<RawModel['match']>): MatchSettings {
  return { ...raw, hosts: raw.hosts.map((host) => host.toLowerCase()), headers: lowerNames(raw.headers) };
}

function revisionOf(raw: RawModel): RevisionSettings {
  const { backend, queue, scale, timeouts } = raw;
  const headers = lowerNames(backend.headers);
  const urlCount = backend.driver === 'static' ? backend.urls.length : null;
  const max = scale.max ?? Math.max(urlCount ?? 1, scale.min ?? 0);
  return {
    name: 'default',
    backend: backendOf(backend),
    backendHeaders: headers,
    sendModel: raw.sendModel,
    ready: readyOf(backend.ready, headers),
    concurrency: raw.concurrency,
    queue: {
      max: queue.max,
      maxBytes: queue.maxBytes,
      timeoutMs: queue.timeout ?? backend.ready.startup + queueSlackMs,
    },
    scale: {
      min: scale.min ?? Math.min(urlCount ?? 0, max),
      max,
      idleMs: scale.idle,
      rampMs: scale.ramp,
      owner: 'pilotlight',
    },
    asksGauge: false,
    timeouts: {
      connectMs: timeouts.connect,
      firstByteMs: timeouts.firstByte ?? null,
      idleMs: timeouts.idle,
      totalMs: timeouts.total,
      stallMs: timeouts.stall,
    },
    balance: raw.balance,
    rollout: raw.rollout ?? (backend.driver === 'process' && max === 1 ? 'stop-first' : 'start-first'),
  };
}

function readyOf(
  raw: RawBackend['ready'],
  headers: Readonly<Record<string, string>>,
): RevisionSettings['ready'] {
  const times = { timeoutMs: raw.timeout, startupMs: raw.startup, loading: raw.loading, headers };
  if (raw.tcp === true) return { kind: 'tcp', path: '/', statuses: [], body: null, ...times };
  return { kind: 'http', path: raw.path, statuses: raw.status, body: raw.body, ...times };
}

function backendOf(raw: RawBackend): BackendSettings {
  if (raw.driver === 'static') return { driver: 'static', urls: raw.urls };
  const { command, env, cwd, stopGrace } = raw;
  return { driver: 'process', command, env, cwd, stopGraceMs: stopGrace };
}

function lowerNames(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
