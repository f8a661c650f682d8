import { defaultRequestLogTemplate } from '../request-log/default-template.ts';
import type { MetricsSettings, RequestLogSettings, TracingSettings } from '../settings.ts';
import { ObjectReader, parseJson } from './json-text.ts';
import { Misfit } from './variable.ts';

/** Of OBSERVABILITY_CONFIG, what concerns a sidecar. */
export interface Observability {
  readonly metrics: Pick<MetricsSettings, 'protocol' | 'endpoint' | 'exportIntervalMs'>;
  readonly tracing: TracingSettings;
  readonly requestLog: RequestLogSettings | null;
  readonly isProfiling: boolean;
}

/** Nothing is measured, traced or logged unless it is asked for: Knative's own defaults. */
export const nothingObserved: Observability = {
  metrics: { protocol: 'none', endpoint: '', exportIntervalMs: 0 },
  tracing: { protocol: 'none', endpoint: '', samplingRate: 0 },
  requestLog: null,
  isProfiling: false,
};

const nsPerMs = 1e6;

/** The JSON that Knative makes of config-observability (serving/pkg/observability.Config); unknown keys are ignored. */
export function readObservability(text: string): Observability | Misfit {
  const json = parseJson(text);
  if (json instanceof Misfit) return json;
  const faults: string[] = [];
  const config = new ObjectReader(json.value, '', faults);
  const isLogged = config.flag('enableRequestLog');
  const template = config.text('requestLogTemplate', defaultRequestLogTemplate);
  const hasProbes = config.flag('enableProbeRequestLog');
  if (isLogged && template === '')
    config.fault('requestLogTemplate', 'not to be empty with enableRequestLog');
  const runtime = config.below('runtime');
  const read: Observability = {
    metrics: metricsOf(config.below('requestMetrics')),
    tracing: tracingOf(config.below('tracing')),
    requestLog: isLogged ? { template, hasProbes } : null,
    isProfiling: runtime.choice('profiling', ['enabled', 'disabled', ''], 'disabled') === 'enabled',
  };
  return faults.length > 0 ? new Misfit(faults.join('; ')) : read;
}

function metricsOf(metrics: ObjectReader): Observability['metrics'] {
  const protocols = ['none', 'prometheus', 'grpc', 'http/protobuf'] as const;
  const protocol = metrics.choice('protocol', protocols, 'none');
  const endpoint = metrics.text('endpoint');
  if (protocol === 'none' && endpoint !== '') metrics.fault('endpoint', 'to be empty where protocol is none');
  if (protocol === 'prometheus' && endpoint !== '' && hostPortOf(endpoint) === null) {
    metrics.fault('endpoint', 'to be HOST:PORT or :PORT where protocol is prometheus');
  }
  if ((protocol === 'grpc' || protocol === 'http/protobuf') && endpoint === '') {
    metrics.fault('endpoint', `to be given where protocol is ${protocol}`);
  }
  // Go writes a time.Duration as nanoseconds.
  const interval = metrics.number('exportInterval', { fallback: 0, min: 0, max: Number.MAX_SAFE_INTEGER });
  return { protocol, endpoint, exportIntervalMs: Math.floor(interval / nsPerMs) };
}

function tracingOf(tracing: ObjectReader): TracingSettings {
  const protocols = ['none', 'grpc', 'http/protobuf', 'stdout'] as const;
  const protocol = tracing.choice('protocol', protocols, 'none');
  const endpoint = tracing.text('endpoint');
  const isSent = protocol === 'grpc' || protocol === 'http/protobuf';
  if (isSent && endpoint === '') tracing.fault('endpoint', `to be given where protocol is ${protocol}`);
  if (!isSent && endpoint !== '') tracing.fault('endpoint', `to be empty where protocol is ${protocol}`);
  const limits = { fallback: 0, min: 0, max: 1, isWhole: false };
  return { protocol, endpoint, samplingRate: tracing.number('samplingRate', limits) };
}

/** `host:port`, `[v6]:port` or `:port`, as Go's net.SplitHostPort reads them; null: neither. An empty host is every address. */
export function hostPortOf(endpoint: string): { readonly host: string; readonly port: number } | null {
  const match = /^(?:\[([^[\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(endpoint);
  if (match === null || Number(match[3]) > 65_535) return null;
  return { host: match[1] ?? match[2] ?? '', port: Number(match[3]) };
}
