import { createHistogramFamily, type HistogramFamily, type MetricHolder } from '../../meter/family.ts';

/** The original's bounds of durations, in seconds (pkg/queue/request_metric.go, otelhttp). */
const secondsBounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
/** What OpenTelemetry takes where an instrument names none. */
const bytesBounds = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1_000, 2_500, 5_000, 7_500, 10_000];

/** Label names of the server's histograms, in the order of their values. */
const serverLabelNames = [
  'http_request_method',
  'http_response_status_code',
  'kn_route_tag',
  'network_protocol_name',
  'network_protocol_version',
  'server_address',
  'server_port',
  'url_scheme',
  'otel_metric_overflow',
];
const clientLabelNames = ['error_type', ...serverLabelNames];

/** Every histogram that queue-proxy exports of its requests, under the names of its Prometheus exporter. */
export type HttpFamilies = ReturnType<typeof createHttpFamilies>;

/** `version`: the value of otel_scope_version, where the original has that of otelhttp. */
export function createHttpFamilies(holder: MetricHolder, version: string) {
  const otelhttp = scopeOf('go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp', version);
  const family = (name: string, help: string, labelNames: readonly string[]): HistogramFamily => {
    const isDuration = name.endsWith('_seconds');
    const shape = isDuration
      ? { bounds: secondsBounds, perUnit: 1_000 }
      : { bounds: bytesBounds, perUnit: 1 };
    const spec = { name, help, labelNames, omitsEmptyLabels: true, constantLabels: otelhttp };
    return createHistogramFamily(holder, spec, shape);
  };
  return {
    clientUpload: family(
      'http_client_request_body_size_bytes',
      'Size of HTTP client request bodies.',
      clientLabelNames,
    ),
    clientDuration: family(
      'http_client_request_duration_seconds',
      'Duration of HTTP client requests.',
      clientLabelNames,
    ),
    serverUpload: family(
      'http_server_request_body_size_bytes',
      'Size of HTTP server request bodies.',
      serverLabelNames,
    ),
    serverDuration: family(
      'http_server_request_duration_seconds',
      'Duration of HTTP server requests.',
      serverLabelNames,
    ),
    serverAnswer: family(
      'http_server_response_body_size_bytes',
      'Size of HTTP server response bodies.',
      serverLabelNames,
    ),
    invocation: createHistogramFamily(
      holder,
      {
        name: 'kn_serving_invocation_duration_seconds',
        help: 'The duration of task execution',
        labelNames: ['http_response_status_code'],
        constantLabels: queueScope,
      },
      { bounds: secondsBounds, perUnit: 1_000 },
    ),
  };
}

function scopeOf(name: string, version: string) {
  return { otel_scope_name: name, otel_scope_schema_url: '', otel_scope_version: version };
}

/** The labels of the scope of Knative's own metrics. */
export const queueScope = scopeOf('knative.dev/serving/pkg/queue', '');
