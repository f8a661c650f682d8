import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { annotationTexts, type ModelReading, modelFeaturesOf, variableTexts } from '../model/features.ts';
import { unlimitedBound } from '../model/gauges/limit-rule.ts';
import type { AppProbe, LogSettings, MetricsSettings, SidecarSettings } from '../settings.ts';
import { readAnnotations } from './annotations.ts';
import {
  type Environment,
  EnvironmentError,
  type EnvironmentFault,
  modeOf,
  readVariables,
  type Values,
} from './environment.ts';
import { hostPortOf } from './observability-json.ts';
import { portClashes } from './port-clashes.ts';
import { readProbes } from './probe-json.ts';
import { limitsOf } from './tls-variables.ts';
import { Misfit } from './variable.ts';
import { variables } from './variables.ts';

type Mode = SidecarSettings['mode'];

const appHost = '127.0.0.1';
/** queue-proxy's drainSleepDuration and hijackDrainDuration (sharedmain/main.go). */
const knativeQuietMs = 30_000;
const upgradedMs = 60_000;
/** In plain mode nothing says how long networks take to forget a pod; a few seconds are usual. */
const plainQuietMs = 5_000;
const knativeResetMs = 1_000;

/**
 * What the environment, the certificate folder and the file of annotations say. Throws EnvironmentError that lists every
 * fault.
 */
export function readSettings(environment: Environment): SidecarSettings {
  const faults: EnvironmentFault[] = [];
  const mode = modeOf(environment);
  const values = readVariables(environment, mode, faults);
  const settings = settingsOf({ environment, mode, values, faults });
  // What could not be read has its default, which need not clash.
  if (faults.length === 0) faults.push(...portClashes(settings));
  if (faults.length > 0) throw new EnvironmentError(faults);
  return settings;
}

interface Reading {
  readonly environment: Environment;
  readonly mode: Mode;
  readonly values: Values;
  readonly faults: EnvironmentFault[];
}

function settingsOf(reading: Reading): SidecarSettings {
  const { mode, values } = reading;
  const concurrency = values.CONTAINER_CONCURRENCY;
  const metrics = metricsOf(reading);
  const model = modelOf(reading, metrics);
  return {
    mode,
    ports: {
      host: values.PILOTLIGHT_LISTEN_HOST,
      serving: values.QUEUE_SERVING_PORT,
      tls: values.QUEUE_SERVING_TLS_PORT,
      admin: values.PILOTLIGHT_ADMIN_PORT,
      stats: values.PILOTLIGHT_STATS_PORT,
    },
    user: { host: appHost, port: values.USER_PORT },
    concurrency,
    queueMax: model.features.queueMax ?? 10 * (concurrency || unlimitedOf(model.features)),
    timeouts: {
      totalMs: values.REVISION_TIMEOUT_SECONDS,
      responseStartMs: values.REVISION_RESPONSE_START_TIMEOUT_SECONDS,
      idleMs: values.REVISION_IDLE_TIMEOUT_SECONDS,
    },
    identity: {
      namespace: values.SERVING_NAMESPACE,
      service: values.SERVING_SERVICE,
      configuration: values.SERVING_CONFIGURATION,
      revision: values.SERVING_REVISION,
      pod: values.SERVING_POD || (reading.environment.HOSTNAME ?? ''),
      podIp: values.SERVING_POD_IP,
    },
    hostIp: values.HOST_IP,
    probes: probesOf(reading),
    detectsHttp2: values.ENABLE_HTTP2_AUTO_DETECTION,
    tls: tlsOf(reading),
    drain: {
      quietMs: values.PILOTLIGHT_DRAIN_QUIET ?? (mode === 'knative' ? knativeQuietMs : plainQuietMs),
      upgradedMs,
      resetMs: mode === 'knative' ? knativeResetMs : null,
    },
    log: logOf(values),
    requestLog: values.OBSERVABILITY_CONFIG.requestLog,
    metrics,
    tracing: values.OBSERVABILITY_CONFIG.tracing,
    model: model.features,
    warnings: [...warningsOf(values, metrics, model.features.metrics), ...model.warnings],
  };
}

function logOf(values: Values): LogSettings {
  const config = values.SERVING_LOGGING_CONFIG;
  return { ...config, level: values.SERVING_LOGGING_LEVEL ?? config.level };
}

/** Those whose container says nothing of its readiness are ready (Knative); in plain mode the app's port tells. */
function probesOf({ environment, mode, values, faults }: Reading): readonly AppProbe[] {
  const { SERVING_READINESS_PROBE: text, USER_PORT, ENABLE_MULTI_CONTAINER_PROBES: isArray } = values;
  if (text === '') {
    if (mode === 'knative') return [];
    const probes = readProbes('{"tcpSocket":{},"periodSeconds":1,"timeoutSeconds":1}', false, USER_PORT);
    return probes instanceof Misfit ? [] : probes;
  }
  const probes = readProbes(text, isArray, USER_PORT);
  if (!(probes instanceof Misfit)) return probes;
  const name = 'SERVING_READINESS_PROBE';
  faults.push({ name, value: environment[name]!, expected: probes.expected });
  return [];
}

/** Without a limit nobody waits for a slot, but for an app that sleeps, or one whose gauges set a limit. */
function unlimitedOf({ adaptive, sleep }: ModelReading['features']): number {
  return adaptive === null && sleep === null ? 0 : unlimitedBound;
}

/** The certificate counts where both of its files are there, as for Knative; it is looked for once, at the start. */
function tlsOf({ values, environment, faults }: Reading): SidecarSettings['tls'] {
  const limits = limitsOf({
    TLS_MIN_VERSION: values.QUEUE_PROXY_TLS_MIN_VERSION,
    TLS_MAX_VERSION: values.QUEUE_PROXY_TLS_MAX_VERSION,
    TLS_CIPHER_SUITES: values.QUEUE_PROXY_TLS_CIPHER_SUITES,
    TLS_CURVE_PREFERENCES: values.QUEUE_PROXY_TLS_CURVE_PREFERENCES,
  });
  if (limits instanceof Misfit) {
    const name = 'QUEUE_PROXY_TLS_MAX_VERSION';
    faults.push({
      name,
      value: environment[name] ?? null,
      expected: 'no less than QUEUE_PROXY_TLS_MIN_VERSION',
    });
    return null;
  }
  const certFile = join(values.PILOTLIGHT_CERT_DIR, 'tls.crt');
  const keyFile = join(values.PILOTLIGHT_CERT_DIR, 'tls.key');
  return existsSync(certFile) && existsSync(keyFile) ? { certFile, keyFile, limits } : null;
}

/** In plain mode Prometheus may ask unless the configuration says otherwise. */
function metricsOf({ environment, mode, values }: Reading): MetricsSettings {
  const isUnsaid = mode === 'plain' && (environment.OBSERVABILITY_CONFIG ?? '') === '';
  const told = values.OBSERVABILITY_CONFIG.metrics;
  const protocol = isUnsaid ? 'prometheus' : told.protocol;
  const place = protocol === 'prometheus' ? hostPortOf(told.endpoint) : null;
  const isPortGiven = (environment.METRICS_PROMETHEUS_PORT ?? '') !== '';
  const host = values.METRICS_PROMETHEUS_HOST || place?.host || values.PILOTLIGHT_LISTEN_HOST;
  const port = isPortGiven || place === null ? values.METRICS_PROMETHEUS_PORT : place.port;
  return { ...told, protocol, listen: { host, port } };
}

/** Asked by annotations where Knative made the pod, by variables where a person did. */
function modelOf({ environment, mode, values, faults }: Reading, metrics: MetricsSettings): ModelReading {
  const file = join(values.PILOTLIGHT_PODINFO_DIR, 'annotations');
  const texts =
    mode === 'plain'
      ? variableTexts(environment, Object.keys(variables))
      : annotationTexts(readAnnotations(existsSync(file) ? readFileSync(file, 'utf8') : ''));
  const reading = modelFeaturesOf(texts, {
    concurrency: values.CONTAINER_CONCURRENCY,
    isScraped: metrics.protocol === 'prometheus',
  });
  faults.push(...reading.faults);
  return reading;
}

function warningsOf(values: Values, metrics: MetricsSettings, hasModelMetrics: boolean): readonly string[] {
  const warnings: string[] = [];
  if (values.OBSERVABILITY_CONFIG.isProfiling) {
    warnings.push('runtime.profiling: there is no profile of a Go program here, and port 8008 stays closed');
  }
  if (metrics.protocol === 'grpc' || metrics.protocol === 'http/protobuf') {
    warnings.push(
      `requestMetrics.protocol ${metrics.protocol}: metrics are not sent anywhere; set it to prometheus`,
    );
  }
  if (hasModelMetrics && metrics.protocol !== 'prometheus') {
    warnings.push(
      'metrics for models: they are printed where requestMetrics.protocol is prometheus, and nowhere else',
    );
  }
  return warnings;
}
