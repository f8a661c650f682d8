import { describe, expect, it } from 'vitest';
import { annotationTexts, modelFeaturesOf, variableTexts } from '../../src/sidecar/model/features.ts';
import { modelOptions } from '../../src/sidecar/model/options.ts';

const usual = { concurrency: 4, isScraped: true };
const annotated = (annotations: Record<string, string>) =>
  modelFeaturesOf(annotationTexts(new Map(Object.entries(annotations))), usual);
const inEnvironment = (environment: Record<string, string | undefined>, others: string[] = []) =>
  modelFeaturesOf(variableTexts(environment, others), usual);

const off = {
  heartbeatMs: 0,
  openaiErrors: false,
  priorities: false,
  deadlines: false,
  queueMax: null,
  queueTimeoutMs: 0,
  loading: null,
  metrics: false,
  adaptive: null,
  sleep: null,
};

describe('what is asked for models', () => {
  it('is nothing where nothing is written', () => {
    expect(annotated({})).toEqual({ features: off, faults: [], warnings: [] });
    expect(inEnvironment({ PATH: '/bin', PILOTLIGHT_HEARTBEAT: undefined })).toEqual({
      features: off,
      faults: [],
      warnings: [],
    });
  });

  it('is read from annotations', () => {
    const { features, faults, warnings } = annotated({
      heartbeat: '20s',
      'openai-errors': 'true',
      priorities: 'true',
      deadlines: 'true',
      'queue-depth': '0',
      'queue-timeout': '1m30s',
      loading: 'Loading model',
      metrics: 'true',
    });
    expect({ faults, warnings }).toEqual({ faults: [], warnings: [] });
    expect(features).toEqual({
      heartbeatMs: 20_000,
      openaiErrors: true,
      priorities: true,
      deadlines: true,
      queueMax: 0,
      queueTimeoutMs: 90_000,
      loading: { text: 'Loading model', path: '/health' },
      metrics: true,
      adaptive: null,
      sleep: null,
    });
  });

  it('is read from variables, of which others are not meant', () => {
    const reading = inEnvironment(
      { PILOTLIGHT_OPENAI_ERRORS: '1', PILOTLIGHT_QUEUE_DEPTH: '7', PILOTLIGHT_LISTEN_HOST: '127.0.0.1' },
      ['PILOTLIGHT_LISTEN_HOST'],
    );
    expect(reading).toEqual({
      features: { ...off, openaiErrors: true, queueMax: 7 },
      faults: [],
      warnings: [],
    });
  });

  it('has the hooks and gauges of vLLM unless others are written', () => {
    const { features } = annotated({ adaptive: 'true', 'sleep-idle': '10m' });
    expect(features.adaptive).toEqual({ path: '/metrics', everyMs: 1000, maxWaiting: 0 });
    expect(features.sleep).toMatchObject({
      idleMs: 600_000,
      sleep: { method: 'POST', path: '/sleep?level=1' },
      wake: { method: 'POST', path: '/wake_up' },
      ready: { kind: 'http', path: '/health', startupMs: 120_000 },
    });
  });

  it('takes own hooks and gauges', () => {
    const { features, warnings } = annotated({
      adaptive: 'true',
      'adaptive-path': '/internal/metrics',
      'adaptive-every': '250ms',
      'adaptive-waiting': '3',
      'sleep-idle': '5m',
      'sleep-hook': 'PUT /rest',
      'wake-hook': 'DELETE /rest?now=1',
      'wake-path': '/alive',
      'wake-timeout': '10s',
    });
    expect(warnings).toEqual([]);
    expect(features.adaptive).toEqual({ path: '/internal/metrics', everyMs: 250, maxWaiting: 3 });
    expect(features.sleep).toMatchObject({
      sleep: { method: 'PUT', path: '/rest' },
      wake: { method: 'DELETE', path: '/rest?now=1' },
      ready: { path: '/alive', startupMs: 10_000 },
    });
  });
});

describe('what is wrong with it', () => {
  const badByName: Record<keyof typeof modelOptions, readonly string[]> = {
    heartbeat: ['20', 'soon', '-1s', '25d', '1h 5m'],
    'openai-errors': ['yes', 'enabled', '2'],
    priorities: ['on'],
    deadlines: ['maybe'],
    'queue-depth': ['-1', '1.5', 'ten', '1000001', '1e3'],
    'queue-timeout': ['60'],
    loading: [],
    'loading-path': ['health', '/he alth', '/he\nalth', 'http://x/'],
    metrics: ['all'],
    adaptive: ['/metrics'],
    'adaptive-path': ['metrics'],
    'adaptive-every': ['0', '99ms', '1'],
    'adaptive-waiting': ['-1'],
    'sleep-idle': ['10'],
    'sleep-hook': ['/sleep', 'post /sleep', 'POST sleep', 'POST /a b', 'POST /a\r\nx: y'],
    'wake-hook': ['POST', ''.padEnd(20, 'A').concat(' /x')],
    'wake-path': [''.padEnd(3, 'x')],
    'wake-timeout': ['0', '1'],
  };

  it.each(Object.entries(badByName).flatMap(([name, values]) => values.map((value) => [name, value])))(
    'names %s and its value %j, and what is expected',
    (name, value) => {
      const variable = `PILOTLIGHT_${name.toUpperCase().replaceAll('-', '_')}`;
      const [fault, ...more] = inEnvironment({ [variable]: value }).faults;
      expect(more).toEqual([]);
      expect(fault).toMatchObject({ name: variable, value });
      expect(fault!.expected).toMatch(/^(a |an |at |true )/);
      expect(annotated({ [name]: value }).faults[0]!.name).toBe(`qpoption.knative.dev/pilotlight-${name}`);
    },
  );

  it('is told all at once', () => {
    const { faults } = annotated({ heartbeat: '20', metrics: 'x', 'queue-depth': 'y' });
    expect(faults.map(({ name }) => name.replace(/.*pilotlight-/, ''))).toEqual([
      'heartbeat',
      'queue-depth',
      'metrics',
    ]);
  });
});

describe('what has no effect', () => {
  it('is warned of by the name that is nearest', () => {
    expect(annotated({ heartbeats: '20s' }).warnings).toEqual([
      'qpoption.knative.dev/pilotlight-heartbeats is not known and has no effect: did you mean qpoption.knative.dev/pilotlight-heartbeat?',
    ]);
    expect(inEnvironment({ PILOTLIGHT_OPENAI_EROR: 'true' }).warnings).toEqual([
      'PILOTLIGHT_OPENAI_EROR is not known and has no effect: did you mean PILOTLIGHT_OPENAI_ERRORS?',
    ]);
  });

  it('is warned of with all names where none is near', () => {
    const [warning] = inEnvironment({ PILOTLIGHT_COLOUR_SCHEME: 'blue' }).warnings;
    expect(warning).toMatch(
      /has no effect: known are PILOTLIGHT_HEARTBEAT, PILOTLIGHT_OPENAI_ERRORS, .*WAKE_TIMEOUT$/,
    );
  });

  it('is silent about what Kubernetes sets for a Service named pilotlight', () => {
    const { warnings, features } = inEnvironment({
      PILOTLIGHT_SERVICE_HOST: '10.0.0.1',
      PILOTLIGHT_SERVICE_PORT: '80',
      PILOTLIGHT_SERVICE_PORT_HTTP: '80',
      PILOTLIGHT_PORT: 'tcp://10.0.0.1:80',
      PILOTLIGHT_PORT_80_TCP: 'tcp://10.0.0.1:80',
      PILOTLIGHT_PORT_80_TCP_ADDR: '10.0.0.1',
      PILOTLIGHT_METRICS_SERVICE_HOST: '10.0.0.2',
      PILOTLIGHT_METRICS_PORT_9091_TCP: 'tcp://10.0.0.2:9091',
    });
    expect({ warnings, features }).toEqual({ warnings: [], features: off });
  });

  it('is warned of where an option only says how, of what is off', () => {
    expect(
      annotated({ 'wake-hook': 'POST /up', 'loading-path': '/x', 'adaptive-every': '2s' }).warnings,
    ).toEqual([
      'qpoption.knative.dev/pilotlight-loading-path has no effect without qpoption.knative.dev/pilotlight-loading',
      'qpoption.knative.dev/pilotlight-adaptive-every has no effect without qpoption.knative.dev/pilotlight-adaptive',
      'qpoption.knative.dev/pilotlight-wake-hook has no effect without qpoption.knative.dev/pilotlight-sleep-idle',
    ]);
  });
});

describe('an option that the rest of the settings leaves nothing to do', () => {
  const warningsOf = (annotations: Record<string, string>, surroundings: Partial<typeof usual>) =>
    modelFeaturesOf(annotationTexts(new Map(Object.entries(annotations))), { ...usual, ...surroundings })
      .warnings;

  it('is warned of where nothing ever waits', () => {
    const annotations = { heartbeat: '20s', 'queue-depth': '5', 'openai-errors': 'true' };
    const because = 'has no effect: CONTAINER_CONCURRENCY is 0, so nothing waits';
    expect(warningsOf(annotations, { concurrency: 0 })).toEqual([
      `qpoption.knative.dev/pilotlight-heartbeat ${because}`,
      `qpoption.knative.dev/pilotlight-queue-depth ${because}`,
    ]);
    expect(warningsOf({ ...annotations, 'sleep-idle': '10m' }, { concurrency: 0 })).toEqual([]);
    expect(warningsOf({ ...annotations, adaptive: 'true' }, { concurrency: 0 })).toEqual([]);
  });

  it('is warned of where nobody can ask for the metrics', () => {
    expect(warningsOf({ metrics: 'true' }, { isScraped: false })).toEqual([
      'qpoption.knative.dev/pilotlight-metrics has no effect: requestMetrics.protocol is not prometheus',
    ]);
  });
});

describe('the table of options', () => {
  it.each(Object.entries(modelOptions))(
    'says of %s what it means, takes and is by default',
    (_name, option) => {
      expect(option.meaning).toMatch(/\.$/);
      expect(option.expects).not.toBe('');
      expect(option.standard).not.toBe('');
    },
  );
});
