import { describe, expect, it } from 'vitest';
import { type ModelReading, modelFromAnnotations, modelFromObject } from '../../src/config/found-model.ts';
import { type FoundModel, mergeModels } from '../../src/config/merge-models.ts';
import { kpaDefaults } from '../../src/core/kpa.ts';
import { parse } from './parse.ts';

const read = (spec: unknown, name = 'm') => modelFromObject({ name, spec, namespace: 'llm' });
const annotated = (annotations: Record<string, string>) =>
  modelFromAnnotations({
    annotations: { 'pilotlight.dev/model': 'm', 'example.com/other': 'x', ...annotations },
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    name: 'd',
    namespace: 'llm',
  });
const settingsOf = (reading: ModelReading) => {
  if ('faults' in reading) throw new Error(JSON.stringify(reading.faults));
  return reading.settings;
};
const backend = { scaleTarget: 'deployment/d' };

describe('a Model object', () => {
  it('is a model of the file in its own namespace', () => {
    const inFile = parse(
      'models: { m: { concurrency: 8, backend: { driver: kubernetes, namespace: llm, scaleTarget: deployment/d } } }',
    );
    expect(settingsOf(read({ concurrency: 8, backend }))).toEqual(inFile.models.get('m'));
  });

  it.each([
    ['no backend', {}, 'spec.backend', 'is required'],
    ['no spec', undefined, 'spec', 'is required'],
    [
      'an unknown key',
      { backend, scale: { maxx: 1 } },
      'spec.scale.maxx',
      'is not a known key (did you mean max?)',
    ],
    [
      'another driver',
      { backend: { driver: 'process', ...backend } },
      'spec.backend.driver',
      'must be kubernetes',
    ],
    ['a broken rule', { backend, scale: { min: 3, max: 2 } }, 'spec.scale.min', 'must be at most scale.max'],
    [
      'another namespace',
      { backend: { ...backend, namespace: 'x' } },
      'spec.backend.namespace',
      'must be llm or left out',
    ],
    [
      'an environment variable',
      { backend, sendModel: '${env.HOME}' },
      'spec.sendModel',
      'must be plain text',
    ],
    [
      'a file',
      { backend: { ...backend, headers: { a: 'file:/etc/passwd' } } },
      'spec.backend.headers.a',
      'must be plain text',
    ],
  ])('with %s tells its place', (_, spec, path, message) => {
    expect(read(spec)).toEqual({ faults: [{ path, message: expect.stringContaining(message) }] });
  });
});

describe('the annotations of a workload', () => {
  it('are a model that scales it', () => {
    const settings = settingsOf(
      annotated({
        'pilotlight.dev/aliases': 'a, b',
        'pilotlight.dev/port': '8000',
        'pilotlight.dev/concurrency': '8',
        'pilotlight.dev/idle': '10m',
        'pilotlight.dev/ready-trust': 'kubernetes',
        'pilotlight.dev/startup': '20m',
        'pilotlight.dev/queue-max': '7',
        'pilotlight.dev/http': '2',
      }),
    );
    expect(settings).toMatchObject({
      name: 'm',
      aliases: ['a', 'b'],
      revision: {
        httpVersion: 2,
        concurrency: 8,
        queue: { max: 7 },
        scale: { idleMs: 600_000 },
        ready: { startupMs: 1_200_000 },
        backend: {
          namespace: 'llm',
          scaleTarget: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' },
          port: 8000,
          trust: 'kubernetes',
          probeFrom: 'pod',
        },
      },
    });
  });

  it('may name a service of gRPC that says whether it is ready, or the server as a whole', () => {
    for (const service of ['llm.Chat', '']) {
      const { revision } = settingsOf(annotated({ 'pilotlight.dev/ready-grpc': service }));
      expect(revision.ready).toMatchObject({ kind: 'grpc', service });
      expect(revision.backend).toMatchObject({ probeFrom: 'settings' });
    }
  });

  it('tell of what is wrong by their own names', () => {
    expect(annotated({ 'pilotlight.dev/concurency': '8', 'pilotlight.dev/max': 'two' })).toEqual({
      faults: [
        {
          path: 'pilotlight.dev/concurency',
          message: expect.stringContaining('did you mean pilotlight.dev/concurrency?'),
        },
        { path: 'pilotlight.dev/max', message: 'must be a number, not text' },
      ],
    });
    expect(annotated({ 'pilotlight.dev/service': '${env.X}' })).toMatchObject({
      faults: [{ path: 'pilotlight.dev/service', message: expect.stringContaining('plain text') }, {}],
    });
  });

  it('of Knative carry its settings over, with the policy kpa and no limit unless one is said', () => {
    const { scale } = settingsOf(
      annotated({
        'autoscaling.knative.dev/min-scale': '1',
        'autoscaling.knative.dev/target': '12.5',
        'autoscaling.knative.dev/target-utilization-percentage': '80',
        'autoscaling.knative.dev/window': '90s',
        'autoscaling.knative.dev/scale-to-zero-pod-retention-period': '5m',
      }),
    ).revision;
    expect(scale).toMatchObject({ policy: 'kpa', min: 1, max: 2_147_483_647 });
    expect(scale.kpa).toEqual({
      ...kpaDefaults,
      initialScale: 0,
      target: 12.5,
      targetUtilization: 0.8,
      stableWindowMs: 90_000,
      podRetentionMs: 300_000,
    });
  });

  it('go before those of Knative', () => {
    const { scale } = settingsOf(
      annotated({
        'pilotlight.dev/max': '3',
        'autoscaling.knative.dev/max-scale': '9',
        'autoscaling.knative.dev/min-scale': '2',
      }),
    ).revision;
    expect(scale).toMatchObject({ policy: 'kpa', min: 2, max: 3 });
  });

  it('of Knative tell of what is wrong by their own names', () => {
    expect(
      annotated({
        'autoscaling.knative.dev/class': 'hpa.autoscaling.knative.dev',
        'autoscaling.knative.dev/window': '1s',
      }),
    ).toMatchObject({
      faults: [
        { path: 'autoscaling.knative.dev/class', message: expect.stringContaining('does not measure') },
        { path: 'autoscaling.knative.dev/window', message: expect.stringContaining('from 6s to 1h') },
      ],
    });
    expect(
      annotated({ 'pilotlight.dev/max': '3', 'autoscaling.knative.dev/activation-scale': '4' }),
    ).toMatchObject({
      faults: [
        {
          path: 'autoscaling.knative.dev/activation-scale',
          message: 'must be at most scale.max, which is 3',
        },
      ],
    });
  });

  it('of Knative are left to who owns the count', () => {
    const hpa = { 'autoscaling.knative.dev/class': 'hpa.autoscaling.knative.dev' };
    const { scale } = settingsOf(annotated({ ...hpa, 'pilotlight.dev/owner': 'external' })).revision;
    expect(scale).toMatchObject({ policy: 'cost-aware', max: 1 });
    const service = modelFromAnnotations({
      annotations: { 'pilotlight.dev/model': 'm', ...hpa },
      apiVersion: 'serving.knative.dev/v1',
      kind: 'Service',
      name: 's',
      namespace: 'llm',
    });
    expect(settingsOf(service).revision.scale.policy).toBe('cost-aware');
  });

  it('must name the model', () => {
    expect(annotated({ 'pilotlight.dev/model': '' })).toMatchObject({ faults: [{ path: 'name' }] });
  });
});

describe('models of several doors', () => {
  const file = parse('models: { f: { backend: { driver: kubernetes, scaleTarget: sts/f } } }').models;
  const found = (name: string, rest: Partial<FoundModel> = {}, more = {}): FoundModel => ({
    settings: settingsOf(read({ backend: { scaleTarget: `deployment/${rest.key ?? name}` }, ...more }, name)),
    source: 'model',
    createdAtMs: 0,
    key: name,
    ...rest,
  });

  it('are all there where nothing is given twice', () => {
    const { models, refused } = mergeModels(file, [found('a'), found('b', { source: 'annotations' })]);
    expect([...models.keys()]).toEqual(['f', 'a', 'b']);
    expect(refused).toEqual([]);
  });

  it.each([
    ['the file over an object', [found('f', { key: 'x' })], 'x'],
    [
      'an object over annotations',
      [found('a', { key: 'y', source: 'annotations' }), found('a', { key: 'x', createdAtMs: 9 })],
      'y',
    ],
    ['the older', [found('a', { key: 'x', createdAtMs: 9 }), found('a', { key: 'y', createdAtMs: 1 })], 'x'],
    ['the smaller key of two of one age', [found('a', { key: 'y' }), found('a', { key: 'x' })], 'y'],
  ])('prefer %s', (_, list, loser) => {
    const { refused } = mergeModels(file, list);
    expect(refused.map(({ key }) => key)).toEqual([loser]);
    expect(refused[0]!.message).toContain('is the name of a model');
  });

  it('share no alias, rule or target, and a loser takes nothing from those after it', () => {
    const match = { match: { paths: ['/x'] } };
    const { models, refused } = mergeModels(
      file,
      [
        found('a', {}, { aliases: ['z'], ...match }),
        found('b', {}, { aliases: ['z', 'free'] }),
        found('c', {}, match),
        found('d', {}, { backend: { scaleTarget: 'statefulset/f' } }),
        found('free'),
      ],
      'llm',
    );
    expect([...models.keys()]).toEqual(['f', 'a', 'free']);
    expect(refused.map(({ message }) => message)).toEqual([
      'aliases[0]: z is already an alias of a',
      'match: is the same rule as that of a',
      expect.stringMatching(/^backend\.scaleTarget: statefulset\/f is already that of f/),
    ]);
  });
});
