import { plainLogging, readLevel, readLogging } from './logging-json.ts';
import { nothingObserved, readObservability } from './observability-json.ts';
import { readTlsVariable } from './tls-variables.ts';
import { address, custom, duration, flag, port, seconds, text, whole } from './variable.ts';

/** Above it a limit is none, and ten times as many in a queue still count exactly. */
const mostConcurrency = 100_000_000;

/**
 * Every variable that a sidecar reads, but for those of the model features (`PILOTLIGHT_*` of the annotations). The names
 * and their meaning are those of Knative's queue-proxy (serving/pkg/queue/sharedmain), until the last ones, which are our own.
 */
export const variables = {
  USER_PORT: port({ meaning: 'Port of the app, on 127.0.0.1.', required: 'always', fallback: 0 }),
  CONTAINER_CONCURRENCY: whole({
    meaning:
      'Requests that the app gets at once; ten times as many wait, further ones are refused. 0 = no limit and no queue.',
    required: 'always',
    fallback: 0,
    max: mostConcurrency,
  }),
  QUEUE_SERVING_PORT: port({
    meaning: 'Where requests come in: HTTP/1.1, and HTTP/2 without TLS.',
    required: 'knative',
    fallback: 8012,
    min: 0,
  }),
  QUEUE_SERVING_TLS_PORT: port({
    meaning: 'The same with TLS; opened where a certificate is mounted.',
    required: 'knative',
    fallback: 8112,
    min: 0,
  }),
  REVISION_TIMEOUT_SECONDS: seconds({
    meaning: 'Longest time of a request from its arrival to the end of its answer. 0 = no limit.',
    required: 'knative',
    fallback: 0,
  }),
  REVISION_RESPONSE_START_TIMEOUT_SECONDS: seconds({
    meaning: "Longest time from a request's arrival to the head of its answer. 0 = no limit.",
    fallback: 0,
  }),
  REVISION_IDLE_TIMEOUT_SECONDS: seconds({
    meaning: 'Longest time without a byte of the answer. 0 = no limit.',
    fallback: 0,
  }),
  SERVING_NAMESPACE: text({ meaning: 'Namespace of the revision.', required: 'knative', fallback: '' }),
  SERVING_SERVICE: text({ meaning: 'Name of the Knative service.', fallback: '' }),
  SERVING_CONFIGURATION: text({
    meaning: 'Name of the configuration.',
    required: 'knative',
    fallback: '',
    mayBeEmpty: true,
  }),
  SERVING_REVISION: text({ meaning: 'Name of the revision.', required: 'knative', fallback: '' }),
  SERVING_POD: text({
    meaning: 'Name of the pod.',
    required: 'knative',
    fallback: '',
    standard: 'HOSTNAME',
  }),
  SERVING_POD_IP: address({ meaning: 'Address of the pod.', required: 'knative', fallback: '' }),
  HOST_IP: address({ meaning: 'Address of the node.', fallback: '' }),
  SERVING_READINESS_PROBE: text({
    meaning:
      "The app's readiness probe as JSON, or an array of them with ENABLE_MULTI_CONTAINER_PROBES. Without it the app counts as ready in Knative mode; in plain mode its port is looked at.",
    fallback: '',
  }),
  ENABLE_MULTI_CONTAINER_PROBES: flag({
    meaning: 'SERVING_READINESS_PROBE holds the probes of several containers.',
    fallback: false,
  }),
  ENABLE_HTTP2_AUTO_DETECTION: flag({
    meaning: 'The HTTP probe finds out whether the app speaks HTTP/2.',
    fallback: false,
  }),
  ENABLE_HTTP_FULL_DUPLEX: flag({
    meaning:
      'Read for the sake of Knative: answers pass while a request is still being sent, whatever it says.',
    fallback: false,
  }),
  SERVING_LOGGING_CONFIG: custom(
    {
      meaning:
        "Configuration of zap as JSON. Obeyed are level, and of encoderConfig levelKey, timeKey, messageKey, nameKey and levelEncoder; empty: Knative's own.",
      required: 'knative',
      expects: 'JSON',
      mayBeEmpty: true,
      fallback: plainLogging,
      standard: 'lines with level, time and msg',
    },
    readLogging,
  ),
  SERVING_LOGGING_LEVEL: custom(
    {
      meaning: 'Goes before the level of SERVING_LOGGING_CONFIG; may be empty.',
      required: 'knative',
      expects: 'debug, info, warn, error, dpanic, panic or fatal',
      mayBeEmpty: true,
      fallback: null,
      standard: 'info',
    },
    readLevel,
  ),
  OBSERVABILITY_CONFIG: custom(
    {
      meaning:
        "Knative's config-observability as JSON: requestMetrics, tracing, enableRequestLog, requestLogTemplate, enableProbeRequestLog.",
      expects: 'JSON',
      fallback: nothingObserved,
      standard: 'nothing; in plain mode metrics for Prometheus',
    },
    readObservability,
  ),
  METRICS_PROMETHEUS_PORT: port({
    meaning: 'Where Prometheus asks; goes before the endpoint of OBSERVABILITY_CONFIG.',
    fallback: 9091,
    min: 0,
  }),
  METRICS_PROMETHEUS_HOST: text({
    meaning: 'Address of it; empty: all of the machine.',
    fallback: '',
    standard: 'all addresses',
  }),
  QUEUE_PROXY_TLS_MIN_VERSION: tlsText({
    name: 'TLS_MIN_VERSION',
    meaning: 'Oldest version of TLS.',
    expects: '1.2 or 1.3',
    standard: '1.3',
  }),
  QUEUE_PROXY_TLS_MAX_VERSION: tlsText({
    name: 'TLS_MAX_VERSION',
    meaning: 'Newest version of TLS.',
    expects: '1.2 or 1.3',
    standard: '1.3',
  }),
  QUEUE_PROXY_TLS_CIPHER_SUITES: tlsText({
    name: 'TLS_CIPHER_SUITES',
    meaning: 'Cipher suites of TLS 1.2; those of 1.3 are not chosen.',
    expects: "Go's names with commas between",
    standard: "OpenSSL's",
  }),
  QUEUE_PROXY_TLS_CURVE_PREFERENCES: tlsText({
    name: 'TLS_CURVE_PREFERENCES',
    meaning: 'Curves of the key exchange, the preferred one first.',
    expects: 'names with commas between, such as X25519,P-256',
    standard: "OpenSSL's",
  }),
  ROOT_CA: text({
    meaning:
      'Certificates in PEM; read for the sake of Knative, which gives them to extensions, and not used.',
    fallback: '',
    standard: '',
  }),
  PILOTLIGHT_DRAIN_QUIET: duration({
    meaning: 'How long no request may come before a drain is over.',
    fallback: null,
    standard: '30s; in plain mode 5s',
  }),
  PILOTLIGHT_LISTEN_HOST: text({
    meaning: 'Address of all ports; empty: all of the machine.',
    fallback: '',
    standard: 'all addresses',
  }),
  PILOTLIGHT_ADMIN_PORT: port({ meaning: 'Port of /wait-for-drain.', fallback: 8022, min: 0 }),
  PILOTLIGHT_STATS_PORT: port({ meaning: "Port of the autoscaler's statistics.", fallback: 9090, min: 0 }),
  PILOTLIGHT_CERT_DIR: text({
    meaning: 'Folder of tls.crt and tls.key.',
    fallback: '/var/lib/knative/certs',
  }),
  PILOTLIGHT_PODINFO_DIR: text({
    meaning: "Folder of the file annotations, with the pod's annotations as the downward API writes them.",
    fallback: '/etc/podinfo',
  }),
} as const;

/** One of those that are read together in the end. */
function tlsText({ name, ...row }: { name: string; meaning: string; expects: string; standard: string }) {
  return custom({ ...row, fallback: '' }, (value) => readTlsVariable(name, value, row.expects));
}
