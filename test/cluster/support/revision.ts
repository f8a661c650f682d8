const app = new URL('revision-app.ts', import.meta.url).pathname;
const main = new URL('../../../src/main.ts', import.meta.url).pathname;

/** What of a Knative revision a test may choose. */
export interface RevisionOptions {
  readonly name: string;
  readonly concurrency: number;
  /** timeoutSeconds of the revision; it is the pod's grace period too. */
  readonly timeoutSeconds: number;
  /** How long the app loads. */
  readonly loadMs: number;
}

const userPort = 8080;
const servingPort = 8012;

/** The user's container, as pkg/reconciler/revision/resources/deploy.go makes it. */
function userContainer({ name, loadMs }: RevisionOptions) {
  return {
    name: 'user-container',
    image: 'registry.example/app:v1',
    command: [process.execPath, app, String(loadMs)],
    ports: [{ name: 'user-port', containerPort: userPort }],
    env: [
      { name: 'PORT', value: String(userPort) },
      { name: 'K_REVISION', value: name },
      { name: 'K_CONFIGURATION', value: 'hello' },
      { name: 'K_SERVICE', value: 'hello' },
    ],
    lifecycle: { preStop: { httpGet: { port: 8022, path: '/wait-for-drain' } } },
    terminationMessagePolicy: 'FallbackToLogsOnError',
  };
}

const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });

/** The variables of queue.go, in its order. */
function queueEnv({ name, concurrency, timeoutSeconds }: RevisionOptions): object[] {
  const probe = {
    httpGet: { path: '/health', port: userPort, host: '127.0.0.1', scheme: 'HTTP' },
    successThreshold: 1,
  };
  const plain: Readonly<Record<string, string>> = {
    SERVING_SERVICE: 'hello',
    SERVING_CONFIGURATION: 'hello',
    SERVING_REVISION: name,
    QUEUE_SERVING_PORT: String(servingPort),
    QUEUE_SERVING_TLS_PORT: '8112',
    CONTAINER_CONCURRENCY: String(concurrency),
    REVISION_TIMEOUT_SECONDS: String(timeoutSeconds),
    REVISION_RESPONSE_START_TIMEOUT_SECONDS: '0',
    REVISION_IDLE_TIMEOUT_SECONDS: '0',
    SERVING_LOGGING_CONFIG: '{"level":"error","encoding":"json"}',
    SERVING_LOGGING_LEVEL: '',
    USER_PORT: String(userPort),
    SYSTEM_NAMESPACE: 'knative-serving',
    SERVING_READINESS_PROBE: JSON.stringify(probe),
    ENABLE_HTTP2_AUTO_DETECTION: 'false',
    ENABLE_HTTP_FULL_DUPLEX: 'false',
    ROOT_CA: '',
    QUEUE_PROXY_TLS_MIN_VERSION: '',
    QUEUE_PROXY_TLS_MAX_VERSION: '',
    QUEUE_PROXY_TLS_CIPHER_SUITES: '',
    QUEUE_PROXY_TLS_CURVE_PREFERENCES: '',
    ENABLE_MULTI_CONTAINER_PROBES: 'false',
    OBSERVABILITY_CONFIG: '{"requestMetrics":{"protocol":"prometheus"}}',
  };
  return [
    field('SERVING_NAMESPACE', 'metadata.namespace'),
    field('SERVING_POD', 'metadata.name'),
    field('SERVING_POD_IP', 'status.podIP'),
    field('HOST_IP', 'status.hostIP'),
    ...Object.entries(plain).map(([variable, value]) => ({ name: variable, value })),
  ];
}

/** The sidecar in place of queue-proxy, as queue.go makes that. */
function queueContainer(options: RevisionOptions) {
  return {
    name: 'queue-proxy',
    image: 'registry.example/pilotlight:v1',
    command: [process.execPath, main, 'sidecar'],
    ports: [
      { name: 'http-autometric', containerPort: 9090 },
      { name: 'http-usermetric', containerPort: 9091 },
      { name: 'queue-port', containerPort: servingPort },
      { name: 'https-port', containerPort: 8112 },
    ],
    // queue.go leaves the period to Kubernetes, whose 10 s are long for a test.
    readinessProbe: {
      httpGet: { port: servingPort, httpHeaders: [{ name: 'K-Network-Probe', value: 'queue' }] },
      periodSeconds: 1,
      timeoutSeconds: 15,
    },
    env: queueEnv(options),
  };
}

/** The Deployment of a revision, of one pod. */
export function revision(options: RevisionOptions): object {
  const { name, timeoutSeconds } = options;
  const labels = { app: name, 'serving.knative.dev/revision': name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: `${name}-deployment` },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels, annotations: { 'played.pilotlight.dev/mode': 'pod' } },
        spec: {
          terminationGracePeriodSeconds: timeoutSeconds,
          containers: [userContainer(options), queueContainer(options)],
        },
      },
    },
  };
}
