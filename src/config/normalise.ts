import { createHash } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { type ContractName, contractReady } from '../core/contract.ts';
import type { ScaleSettings, ScheduleSettings } from '../core/scaling.ts';
import { jobsOf, surfacesOf } from './job-settings.ts';
import { kpaOf } from './kpa.ts';
import { kubernetesOf } from './kubernetes.ts';
import type { RawKubernetesBackend } from './kubernetes-backend.ts';
import type { RawModel } from './model.ts';
import { defaultReadyStatuses, saysHttp } from './ready.ts';
import { ladderOf } from './rungs.ts';
import type { RawConfig } from './schema.ts';
import type {
  BackendSettings,
  KeySettings,
  KubernetesBackend,
  MatchSettings,
  ModelSettings,
  RevisionSettings,
  ServerSettings,
  Settings,
} from './settings.ts';
import { needsOf, sharedOf } from './shared-settings.ts';
import { signalsOf } from './signals.ts';
import { stateDirOf, storeOf } from './store.ts';
import { warmUpOf } from './warm-up.ts';

type RawBackend = RawModel['backend'];

/** The longest start and this much on top is the default of queue.timeout. */
const queueSlackMs = 60_000;

/** Where the time to zero is learned: what holds on the way down to a partial count. */
const defaultIdleMs = 300_000;

/** A cluster autoscaler adds a node within that time as a rule. */
const defaultCapacityTimeoutMs = 120_000;

/** What the schema yielded, with the defaults that depend on other keys. `file` is where relative paths start. */
export function normalise(raw: RawConfig, file: string): Settings {
  const written = Object.entries(raw.models ?? {});
  const usesCluster =
    raw.kubernetes !== null || written.some(([, { backend }]) => backend.driver === 'kubernetes');
  const models = written.map(([name, model]) => [name, modelOf(name, model)] as const);
  return {
    server: serverOf(raw.server, dirname(file)),
    auth: authOf(raw.auth),
    store: storeOf(raw.store, raw.stateDir, dirname(file)),
    stateDir: stateDirOf(raw.stateDir, dirname(file)),
    surfaces: surfacesOf(raw.surfaces),
    jobs: jobsOf(raw.jobs),
    kubernetes: usesCluster ? kubernetesOf(raw.kubernetes, dirname(file)) : null,
    log: raw.log,
    shared: sharedOf(raw),
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
      streams: raw.limits.streams,
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

/** A model's settings out of what the schema yielded. */
export function modelOf(name: string, raw: RawModel): ModelSettings {
  return {
    name,
    aliases: raw.aliases,
    match: raw.match && matchOf(raw.match),
    contract: contractOf(raw.contract),
    cold: raw.cold,
    deadlineAware: raw.deadlineAware,
    heartbeat: { streamMs: raw.heartbeat.stream, jsonMs: raw.heartbeat.json },
    wakeWith: raw.wakeWith,
    revision: revisionOf(name, raw),
    written: raw,
  };
}

function contractOf(raw: RawModel['contract']): ModelSettings['contract'] {
  return typeof raw === 'string' ? { name: raw, path: null, responses: 'backend' } : raw;
}

function matchOf(raw: NonNullable<RawModel['match']>): MatchSettings {
  return { ...raw, hosts: raw.hosts.map((host) => host.toLowerCase()), headers: lowerNames(raw.headers) };
}

function revisionOf(name: string, raw: RawModel): RevisionSettings {
  const { backend, queue, scale, timeouts } = raw;
  const headers = lowerNames(backend.headers);
  const urlCount = backend.driver === 'static' ? backend.urls.length : null;
  const max = scale.max ?? Math.max(urlCount ?? 1, scale.min ?? 0);
  return {
    name: 'default',
    backend: backendOf(backend, scale),
    httpVersion: backend.http,
    backendHeaders: headers,
    sendModel: raw.sendModel,
    ready: readyOf(
      backend.ready,
      { model: raw.sendModel ?? name, contract: contractOf(raw.contract).name },
      headers,
    ),
    concurrency: raw.concurrency,
    queue: {
      max: queue.max,
      maxBytes: queue.maxBytes,
      timeoutMs: queue.timeout ?? backend.ready.startup + queueSlackMs,
    },
    scale: {
      ...signalPart(scale),
      min: scale.min ?? Math.min(urlCount ?? 0, max),
      max,
      idleMs: scale.idle === 'adaptive' ? defaultIdleMs : scale.idle,
      coldStartMs: scale.idle === 'adaptive' ? scale.coldStartCost : null,
      minUpMs: scale.minUp,
      thrashWindowMs: scale.thrashWindow,
      buffer: scale.buffer,
      maxStarting: scale.maxStarting,
      schedules: scale.schedules.map(scheduleOf),
      policy: scale.policy,
      kpa: kpaOf(scale.kpa),
      rampMs: scale.ramp,
      isPaused: scale.pause,
      owner: scale.owner,
    },
    ladder: ladderOf(scale.ladder, backend.driver),
    needs: needsOf(raw.needs),
    asksGauge: scale.gauge ?? backend.driver === 'kubernetes',
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

function signalPart({ signals }: RawModel['scale']): Pick<ScaleSettings, 'signals'> {
  const settings = signalsOf(signals);
  return settings === undefined ? {} : { signals: settings };
}

function scheduleOf(raw: RawModel['scale']['schedules'][number]): ScheduleSettings {
  const { cron, timeZone, for: forMs, min = null, max = null } = raw;
  return { cron, timeZone, forMs, min, max };
}

/** `model` is the name by which the backend knows it. */
function readyOf(
  raw: RawBackend['ready'],
  { model, contract }: { readonly model: string; readonly contract: ContractName },
  headers: Readonly<Record<string, string>>,
): RevisionSettings['ready'] {
  const { timeout: timeoutMs, startup: startupMs, loading } = raw;
  const times = { timeoutMs, startupMs, loading, headers, ...warmUpOf(raw.warmUp, model, headers) };
  if (raw.tcp === true) return { kind: 'tcp', path: '/', statuses: [], body: null, ...times };
  const usual = contractReady[contract];
  const { path = usual.path, status = defaultReadyStatuses, grpc } = raw;
  if (grpc !== undefined)
    return { kind: 'grpc', path: '/', service: grpc, statuses: [], body: null, ...times };
  const body = raw.body ?? (raw.path === undefined ? usual.body : null);
  return { kind: 'http', path, statuses: status, body, ...times };
}

function backendOf(raw: RawBackend, scale: RawModel['scale']): BackendSettings {
  if (raw.driver === 'static') return { driver: 'static', urls: raw.urls };
  if (raw.driver === 'kubernetes') return kubernetesBackendOf(raw, scale);
  const { command, env, cwd, stopGrace } = raw;
  return { driver: 'process', command, env, cwd, stopGraceMs: stopGrace };
}

function kubernetesBackendOf(raw: RawKubernetesBackend, scale: RawModel['scale']): KubernetesBackend {
  const { driver, namespace, scaleTarget, service, port, route, ready } = raw;
  const isGiven = ready.tcp === true || ready.grpc !== undefined || saysHttp(ready);
  return {
    driver,
    namespace,
    scaleTarget,
    service,
    port,
    route,
    trust: ready.trust,
    probeFrom: isGiven ? 'settings' : 'pod',
    owner: scale.owner,
    capacityTimeoutMs: scale.capacityTimeout ?? defaultCapacityTimeoutMs,
  };
}

function lowerNames(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
