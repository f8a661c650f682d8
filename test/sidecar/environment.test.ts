import { describe, expect, it } from 'vitest';
import { answerOk } from '../support/raw-backend.ts';
import { rawRequest } from '../support/raw-client.ts';
import { choosePorts, SidecarProcess } from './support/sidecar-process.ts';
import { useSidecarRig } from './support/sidecar-rig.ts';
import { itsOwn } from './support/under-test.ts';

const rig = useSidecarRig();

/** How it ends when these variables are set, and what it says. */
async function ended(env: Record<string, string | undefined>) {
  const ports = await choosePorts();
  const sidecar = new SidecarProcess(ports, SidecarProcess.envOf({ app: 8080, env }, ports));
  rig.onClose(() => sidecar.close());
  return { code: await sidecar.exited(), said: sidecar.errors + sidecar.output };
}

describe('a malformed value ends it with 1 and says whose it was', () => {
  const alike = [
    ['CONTAINER_CONCURRENCY', 'many'],
    ['CONTAINER_CONCURRENCY', '1.5'],
    ['REVISION_TIMEOUT_SECONDS', '5m'],
    ['REVISION_RESPONSE_START_TIMEOUT_SECONDS', 'x'],
    ['REVISION_IDLE_TIMEOUT_SECONDS', '1e'],
    ['ENABLE_HTTP_FULL_DUPLEX', 'maybe'],
    ['ENABLE_HTTP2_AUTO_DETECTION', '2'],
    ['ENABLE_MULTI_CONTAINER_PROBES', 'on'],
    ['OBSERVABILITY_CONFIG', '{'],
  ] as const;
  it.each(alike)('%s=%s', async (name, value) => {
    const { code, said } = await ended({ [name]: value });
    expect(code).toBe(1);
    expect(said).toContain(name);
  });

  it('SERVING_READINESS_PROBE={', async () => {
    const { code, said } = await ended({ SERVING_READINESS_PROBE: '{' });
    expect(code).toBe(1);
    expect(said).toMatch(/SERVING_READINESS_PROBE|readiness probe/);
  });

  // The original takes these, and fails later or does otherwise than it was told.
  itsOwn.each([
    ['CONTAINER_CONCURRENCY', '-1'],
    ['REVISION_TIMEOUT_SECONDS', '-5'],
    ['USER_PORT', 'http'],
    ['USER_PORT', '70000'],
    ['QUEUE_SERVING_PORT', 'x'],
    ['QUEUE_SERVING_TLS_PORT', '-1'],
    ['SERVING_LOGGING_LEVEL', 'loud'],
    ['SERVING_LOGGING_CONFIG', '{'],
    ['QUEUE_PROXY_TLS_MIN_VERSION', '2.0'],
    ['QUEUE_PROXY_TLS_CIPHER_SUITES', 'NONE_SUCH'],
    ['QUEUE_PROXY_TLS_CURVE_PREFERENCES', 'P-1'],
    ['SERVING_READINESS_PROBE', '{"httpGet":{"port":"http"}}'],
    ['PILOTLIGHT_DRAIN_QUIET', 'long'],
    ['PILOTLIGHT_ADMIN_PORT', 'x'],
  ])('%s=%s', async (name, value) => {
    const { code, said } = await ended({ [name]: value });
    expect(code).toBe(1);
    expect(said).toContain(name);
  });

  itsOwn('all of them at once', async () => {
    const { code, said } = await ended({
      CONTAINER_CONCURRENCY: 'x',
      USER_PORT: 'y',
      OBSERVABILITY_CONFIG: 'z',
    });
    expect(code).toBe(1);
    for (const name of ['CONTAINER_CONCURRENCY', 'USER_PORT', 'OBSERVABILITY_CONFIG']) {
      expect(said).toContain(name);
    }
  });
});

describe('a variable that must be there and is not ends it with 1', () => {
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
  ])('%s', async (name) => {
    const { code, said } = await ended({ [name]: undefined });
    expect(code).toBe(1);
    expect(said).toContain(name);
  });
});

describe('it starts and serves', () => {
  it('with variables that it does not know', async () => {
    const app = await rig.app(answerOk);
    await rig.start(app, {
      env: {
        KUBERNETES_SERVICE_HOST: '10.0.0.1',
        SERVING_SOMETHING_NEW: 'x',
        QUEUE_PROXY_OF_TOMORROW: '{',
        HELLO_00001_SERVICE_PORT_HTTP: 'tcp://10.0.0.7:80',
      },
    });
    expect(await rig.client().write(rawRequest('/', 'x')).answer()).toMatchObject({ status: 200 });
  });

  it('without those that may be missing', async () => {
    const app = await rig.app(answerOk);
    await rig.start(app, {
      env: {
        SERVING_SERVICE: undefined,
        REVISION_RESPONSE_START_TIMEOUT_SECONDS: undefined,
        REVISION_IDLE_TIMEOUT_SECONDS: undefined,
        SERVING_READINESS_PROBE: undefined,
        ENABLE_HTTP2_AUTO_DETECTION: undefined,
        ENABLE_HTTP_FULL_DUPLEX: undefined,
        ENABLE_MULTI_CONTAINER_PROBES: undefined,
        OBSERVABILITY_CONFIG: undefined,
        ROOT_CA: undefined,
        HOST_IP: undefined,
      },
    });
    expect(await rig.client().write(rawRequest('/', 'x')).answer()).toMatchObject({ status: 200 });
  });

  it.each(['1', 't', 'TRUE', 'false', '0'])('with a flag written as %s', async (value) => {
    const app = await rig.app(answerOk);
    await rig.start(app, { env: { ENABLE_HTTP_FULL_DUPLEX: value } });
    expect(await rig.client().write(rawRequest('/', 'x')).answer()).toMatchObject({ status: 200 });
  });
});
