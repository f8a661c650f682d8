import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { EnvironmentError } from '../../../src/sidecar/environment/environment.ts';
import { readSettings } from '../../../src/sidecar/environment/read-settings.ts';
import { knativeEnvironment } from './knative-environment.ts';

const plain = { USER_PORT: '8000', CONTAINER_CONCURRENCY: '4' };
const folder = mkdtempSync(join(tmpdir(), 'pilotlight-environment-'));
afterAll(() => rmSync(folder, { recursive: true }));

function faultsOf(environment: Record<string, string>): string[] {
  try {
    readSettings(environment);
  } catch (error) {
    if (error instanceof EnvironmentError) return error.message.split('\n  ').slice(1);
    throw error;
  }
  return [];
}

describe('the environment of a plain sidecar', () => {
  it('is its app and its limit, and nothing else is needed', () => {
    const settings = readSettings(plain);
    expect(settings).toMatchObject({
      mode: 'plain',
      user: { host: '127.0.0.1', port: 8000 },
      concurrency: 4,
      queueMax: 40,
      ports: { host: '', serving: 8012, tls: 8112, admin: 8022, stats: 9090 },
      timeouts: { totalMs: 0, responseStartMs: 0, idleMs: 0 },
      metrics: { protocol: 'prometheus', listen: { host: '', port: 9091 } },
      drain: { quietMs: 5_000, resetMs: null },
      log: { level: 'info', messageKey: 'msg' },
      tls: null,
    });
    expect(settings.probes).toMatchObject([{ kind: 'tcp', host: '127.0.0.1', port: 8000, periodSeconds: 1 }]);
  });

  it('is not what Kubernetes sets for a Service of a like name', () => {
    const link = 'tcp://10.96.0.17:9000';
    const settings = readSettings({ ...plain, PILOTLIGHT_ADMIN_PORT: link, METRICS_PROMETHEUS_PORT: link });
    expect(settings.ports.admin).toBe(8022);
    expect(settings.metrics.listen.port).toBe(9091);
    expect(faultsOf({ ...plain, USER_PORT: link })).toEqual([
      'USER_PORT is missing: expected a port from 1 to 65535',
    ]);
  });

  it('may not lack either of them', () => {
    expect(faultsOf({})).toEqual([
      'USER_PORT is missing: expected a port from 1 to 65535',
      'CONTAINER_CONCURRENCY is missing: expected a whole number from 0 to 100000000',
    ]);
  });

  it('has ports that are not in the way of each other, nor of the app', () => {
    expect(faultsOf({ ...plain, QUEUE_SERVING_PORT: '8000', METRICS_PROMETHEUS_PORT: '9090' })).toEqual([
      'QUEUE_SERVING_PORT is "8000": expected another port than that of USER_PORT',
      'METRICS_PROMETHEUS_PORT is "9090": expected another port than that of PILOTLIGHT_STATS_PORT',
    ]);
    const elsewhere = { PILOTLIGHT_LISTEN_HOST: '10.0.0.1', QUEUE_SERVING_PORT: '8000' };
    expect(faultsOf({ ...plain, ...elsewhere })).toEqual([]);
  });

  it('takes everything else that Knative knows', () => {
    const settings = readSettings({
      ...plain,
      HOSTNAME: 'web-0',
      QUEUE_SERVING_PORT: '9000',
      REVISION_TIMEOUT_SECONDS: '60',
      SERVING_LOGGING_LEVEL: 'ERROR',
      OBSERVABILITY_CONFIG: '{}',
      PILOTLIGHT_DRAIN_QUIET: '1m30s',
      PILOTLIGHT_LISTEN_HOST: '127.0.0.1',
    });
    expect(settings).toMatchObject({
      ports: { host: '127.0.0.1', serving: 9000 },
      timeouts: { totalMs: 60_000 },
      identity: { pod: 'web-0' },
      log: { level: 'error' },
      metrics: { protocol: 'none' },
      drain: { quietMs: 90_000 },
    });
  });
});

describe("the environment of a revision's queue-proxy", () => {
  it('is read whole', () => {
    const settings = readSettings(knativeEnvironment());
    expect(settings).toMatchObject({
      mode: 'knative',
      concurrency: 10,
      queueMax: 100,
      timeouts: { totalMs: 300_000, responseStartMs: 0, idleMs: 0 },
      identity: {
        namespace: 'default',
        service: 'llm',
        configuration: 'llm',
        revision: 'llm-00001',
        pod: 'llm-00001-deployment-abc',
        podIp: '10.1.2.3',
      },
      metrics: { protocol: 'none' },
      requestLog: null,
      drain: { quietMs: 30_000, resetMs: 1_000, upgradedMs: 60_000 },
      log: { level: 'info', levelKey: 'severity', timeKey: 'timestamp', messageKey: 'message' },
      warnings: [],
    });
    expect(settings.probes).toMatchObject([{ kind: 'tcp', port: 8080, periodSeconds: 0 }]);
  });

  it.each([
    'CONTAINER_CONCURRENCY',
    'QUEUE_SERVING_PORT',
    'QUEUE_SERVING_TLS_PORT',
    'USER_PORT',
    'REVISION_TIMEOUT_SECONDS',
    'SERVING_NAMESPACE',
    'SERVING_CONFIGURATION',
    'SERVING_REVISION',
    'SERVING_POD',
    'SERVING_POD_IP',
    'SERVING_LOGGING_CONFIG',
    'SERVING_LOGGING_LEVEL',
  ])('may not lack %s', (name) => {
    const { [name]: _, ...rest } = knativeEnvironment();
    expect(faultsOf(rest)).toEqual([expect.stringMatching(`^${name} is missing: expected `)]);
  });

  it('may lack what is optional', () => {
    const required = knativeEnvironment();
    for (const name of ['SERVING_SERVICE', 'HOST_IP', 'ROOT_CA', 'SERVING_READINESS_PROBE'])
      delete required[name];
    for (const name in required) {
      if (/^(ENABLE|QUEUE_PROXY|OBSERVABILITY|REVISION_(IDLE|RESPONSE))/.test(name)) delete required[name];
    }
    expect(faultsOf(required)).toEqual([]);
    expect(readSettings(required).probes).toEqual([]);
  });

  it('may hold what nobody here knows', () => {
    expect(
      faultsOf({ ...knativeEnvironment(), KUBERNETES_SERVICE_HOST: '10.96.0.1', LLM_PORT: 'tcp://x' }),
    ).toEqual([]);
  });

  it.each([
    ['CONTAINER_CONCURRENCY', 'many', 'a whole number'],
    ['CONTAINER_CONCURRENCY', '-1', 'a whole number'],
    ['CONTAINER_CONCURRENCY', '1.5', 'a whole number'],
    ['CONTAINER_CONCURRENCY', '', 'a whole number'],
    ['USER_PORT', '0', 'a port from 1'],
    ['USER_PORT', '70000', 'a port from 1'],
    ['QUEUE_SERVING_PORT', 'http', 'a port'],
    ['REVISION_TIMEOUT_SECONDS', '5s', 'a whole number'],
    ['REVISION_IDLE_TIMEOUT_SECONDS', '-3', 'a whole number'],
    ['SERVING_POD_IP', 'llm', 'an IP address'],
    ['HOST_IP', '10.0.0.256', 'an IP address'],
    ['ENABLE_HTTP2_AUTO_DETECTION', 'yes', 'true or false'],
    ['ENABLE_HTTP_FULL_DUPLEX', 'on', 'true or false'],
    ['SERVING_READINESS_PROBE', '{', 'JSON'],
    ['SERVING_READINESS_PROBE', '{}', 'httpGet, tcpSocket, grpc or exec'],
    ['SERVING_READINESS_PROBE', '{"httpGet":{"port":"http"}}', 'httpGet.port to be a port'],
    [
      'SERVING_READINESS_PROBE',
      '{"tcpSocket":{"port":1},"periodSeconds":"2"}',
      'periodSeconds to be a number',
    ],
    ['SERVING_LOGGING_CONFIG', '{"level":"loud"}', 'level to be debug'],
    ['SERVING_LOGGING_CONFIG', 'level: info', 'JSON'],
    ['SERVING_LOGGING_LEVEL', 'verbose', 'debug, info'],
    ['OBSERVABILITY_CONFIG', '[]', 'an object'],
    [
      'OBSERVABILITY_CONFIG',
      '{"requestMetrics":{"protocol":"statsd"}}',
      'requestMetrics.protocol to be one of',
    ],
    ['OBSERVABILITY_CONFIG', '{"tracing":{"protocol":"grpc"}}', 'tracing.endpoint to be given'],
    [
      'OBSERVABILITY_CONFIG',
      '{"tracing":{"samplingRate":2}}',
      'tracing.samplingRate to be a number from 0 to 1',
    ],
    ['OBSERVABILITY_CONFIG', '{"enableRequestLog":"true"}', 'enableRequestLog to be true or false'],
    ['QUEUE_PROXY_TLS_MIN_VERSION', '1.1', '1.2 or 1.3'],
    ['QUEUE_PROXY_TLS_CIPHER_SUITES', 'RC4', '"RC4" is not known'],
    ['QUEUE_PROXY_TLS_CURVE_PREFERENCES', 'P-257', '"P-257" is not known'],
    ['PILOTLIGHT_DRAIN_QUIET', '10', 'a duration with its unit'],
  ])('may not say %s=%s', (name, value, expected) => {
    const faults = faultsOf({ ...knativeEnvironment(), [name]: value });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(`${name} is ${JSON.stringify(value)}: expected `);
    expect(faults[0]).toContain(expected);
  });

  it('is told all its faults at once', () => {
    const environment = {
      ...knativeEnvironment(),
      USER_PORT: 'a',
      HOST_IP: 'b',
      ENABLE_HTTP_FULL_DUPLEX: 'c',
    };
    expect(faultsOf(environment).map((line) => line.split(' ')[0])).toEqual([
      'USER_PORT',
      'HOST_IP',
      'ENABLE_HTTP_FULL_DUPLEX',
    ]);
  });

  it('does not repeat a long value whole', () => {
    const [fault = ''] = faultsOf({ ...knativeEnvironment(), OBSERVABILITY_CONFIG: 'x'.repeat(5_000) });
    expect(fault.length).toBeLessThan(400);
  });

  it('takes the spellings of a boolean that Go takes', () => {
    const detects = (value: string) =>
      readSettings({ ...knativeEnvironment(), ENABLE_HTTP2_AUTO_DETECTION: value }).detectsHttp2;
    expect(['1', 't', 'T', 'TRUE', 'true', 'True'].map(detects)).toEqual(Array(6).fill(true));
    expect(['0', 'f', 'F', 'FALSE', 'false', 'False', ''].map(detects)).toEqual(Array(7).fill(false));
  });

  it('reads an array of probes only where several containers are probed', () => {
    const SERVING_READINESS_PROBE =
      '[{"httpGet":{"path":"/ready","port":8080,"host":"127.0.0.1","scheme":"HTTPS","httpHeaders":[{"name":"X-A","value":"1"}]},"periodSeconds":10},{"grpc":{"port":9000,"service":"s"},"successThreshold":2}]';
    const ENABLE_MULTI_CONTAINER_PROBES = 'true';
    const environment = { ...knativeEnvironment(), SERVING_READINESS_PROBE, ENABLE_MULTI_CONTAINER_PROBES };
    expect(readSettings(environment).probes).toEqual([
      {
        kind: 'http',
        host: '127.0.0.1',
        port: 8080,
        path: '/ready',
        scheme: 'https',
        headers: [{ name: 'X-A', value: '1' }],
        service: '',
        periodSeconds: 10,
        timeoutSeconds: 1,
        successThreshold: 1,
        failureThreshold: 1,
      },
      expect.objectContaining({
        kind: 'grpc',
        port: 9000,
        service: 's',
        periodSeconds: 0,
        successThreshold: 2,
      }),
    ]);
    expect(faultsOf({ ...environment, ENABLE_MULTI_CONTAINER_PROBES: 'false' })).toHaveLength(1);
    expect(
      faultsOf({ ...environment, SERVING_READINESS_PROBE: '{"tcpSocket":{"port":8080}}' }).join(),
    ).toContain('a JSON array of probes');
  });

  it('takes a container without a probe for ready', () => {
    const probesIn = (more: Record<string, string>) =>
      readSettings({ ...knativeEnvironment(), ...more }).probes;
    expect(probesIn({ SERVING_READINESS_PROBE: 'null' })).toEqual([]);
    const several = {
      SERVING_READINESS_PROBE: '[null,{"tcpSocket":{"port":9}}]',
      ENABLE_MULTI_CONTAINER_PROBES: '1',
    };
    expect(probesIn(several)).toMatchObject([{ kind: 'tcp', port: 9 }]);
  });

  it('turns a command that cannot be run from here into a look at the port', () => {
    const SERVING_READINESS_PROBE = '{"exec":{"command":["true"]},"periodSeconds":5}';
    expect(readSettings({ ...knativeEnvironment(), SERVING_READINESS_PROBE }).probes).toMatchObject([
      { kind: 'tcp', host: '127.0.0.1', port: 8080, periodSeconds: 5 },
    ]);
  });

  it('says where metrics and spans go, and what a line of the request log looks like', () => {
    const settings = readSettings({
      ...knativeEnvironment(),
      OBSERVABILITY_CONFIG: JSON.stringify({
        requestMetrics: { protocol: 'prometheus', endpoint: ':9099', exportInterval: 15e9 },
        tracing: { protocol: 'http/protobuf', endpoint: 'http://otel:4318/v1/traces', samplingRate: 0.1 },
        enableRequestLog: true,
        requestLogTemplate: '{{.Request.Method}}',
        enableProbeRequestLog: true,
      }),
    });
    expect(settings).toMatchObject({
      metrics: { protocol: 'prometheus', exportIntervalMs: 15_000, listen: { host: '', port: 9099 } },
      tracing: { protocol: 'http/protobuf', endpoint: 'http://otel:4318/v1/traces', samplingRate: 0.1 },
      requestLog: { template: '{{.Request.Method}}', hasProbes: true },
    });
  });

  it("logs with zap's keys and Knative's level of this component", () => {
    const SERVING_LOGGING_CONFIG =
      '{"level":"warn","encoderConfig":{"levelKey":"l","timeKey":"t","messageKey":"m","levelEncoder":""}}';
    const environment = { ...knativeEnvironment(), SERVING_LOGGING_CONFIG };
    expect(readSettings(environment).log).toEqual({
      level: 'warn',
      levelKey: 'l',
      timeKey: 't',
      messageKey: 'm',
      nameKey: 'logger',
      isUpperCase: false,
    });
    expect(readSettings({ ...environment, SERVING_LOGGING_LEVEL: 'debug' }).log.level).toBe('debug');
  });

  it('opens TLS where a certificate is mounted, with what Knative allows there', () => {
    const environment = {
      ...knativeEnvironment(),
      PILOTLIGHT_CERT_DIR: folder,
      QUEUE_PROXY_TLS_MIN_VERSION: '1.2',
      QUEUE_PROXY_TLS_CIPHER_SUITES: 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256',
      QUEUE_PROXY_TLS_CURVE_PREFERENCES: 'CurveP256,X25519',
    };
    writeFileSync(join(folder, 'tls.crt'), '');
    expect(readSettings(environment).tls).toBeNull();
    writeFileSync(join(folder, 'tls.key'), '');
    expect(readSettings(environment).tls).toEqual({
      certFile: join(folder, 'tls.crt'),
      keyFile: join(folder, 'tls.key'),
      limits: {
        minVersion: 'TLSv1.2',
        maxVersion: 'TLSv1.3',
        ciphers: expect.stringMatching(/^TLS_.*:ECDHE-RSA-AES128-GCM-SHA256$/),
        ecdhCurve: 'P-256:X25519',
      },
    });
    const swapped = { QUEUE_PROXY_TLS_MIN_VERSION: '1.3', QUEUE_PROXY_TLS_MAX_VERSION: '1.2' };
    expect(faultsOf({ ...environment, ...swapped })).toEqual([
      'QUEUE_PROXY_TLS_MAX_VERSION is "1.2": expected no less than QUEUE_PROXY_TLS_MIN_VERSION',
    ]);
  });

  it('warns of what is asked for and not done', () => {
    const OBSERVABILITY_CONFIG =
      '{"runtime":{"profiling":"enabled"},"requestMetrics":{"protocol":"grpc","endpoint":"otel:4317"}}';
    expect(readSettings({ ...knativeEnvironment(), OBSERVABILITY_CONFIG }).warnings).toEqual([
      expect.stringContaining('profiling'),
      expect.stringContaining('grpc'),
    ]);
  });
});
