import { describe, expect, it } from 'vitest';
import { fixedPart, needsNewReplicas } from '../../src/config/model-parts.ts';
import { warningsOf } from '../../src/config/warnings.ts';
import { parse } from './parse.ts';

const fileWith = (backend: string, { model = '', top = '' } = {}) =>
  `server: { drain: 20m }\n${top}\nmodels: { m: { backend: { driver: kubernetes, scaleTarget: deployment/m, ${backend} }, ${model} } }`;
const settingsOf = (backend: string, parts = {}) => parse(fileWith(backend, parts)).models.get('m')!;
const target = (scaleTarget: string) =>
  `models: { m: { backend: { driver: kubernetes, scaleTarget: ${scaleTarget} } } }`;

describe('a workload of a cluster', () => {
  it('needs its target alone', () => {
    const { revision } = settingsOf('');
    expect(revision.backend).toEqual({
      driver: 'kubernetes',
      namespace: null,
      scaleTarget: { apiVersion: null, kind: 'deployment', name: 'm' },
      service: null,
      port: null,
      route: 'auto',
      trust: 'auto',
      probeFrom: 'pod',
      owner: 'pilotlight',
      capacityTimeoutMs: 120_000,
    });
    expect(revision).toMatchObject({ asksGauge: true, rollout: 'start-first', scale: { min: 0, max: 1 } });
  });

  it('takes what is written of it', () => {
    const { revision } = settingsOf(
      'namespace: llm, service: s, port: http, route: service, headers: { A: b }, ready: { trust: both }',
      { model: 'scale: { owner: external, capacityTimeout: 0, gauge: false, max: 4 }' },
    );
    expect(revision).toMatchObject({
      backend: { namespace: 'llm', service: 's', port: 'http', route: 'service', trust: 'both' },
      backendHeaders: { a: 'b' },
      asksGauge: false,
      scale: { owner: 'external', max: 4 },
    });
    expect(revision.backend).toMatchObject({ owner: 'external', capacityTimeoutMs: 0 });
  });

  it('may be of any kind', () => {
    const written = '{ apiVersion: leaderworkerset.x-k8s.io/v1, kind: LeaderWorkerSet, name: a.b }';
    expect(parse(target(written)).models.get('m')!.revision.backend).toMatchObject({
      scaleTarget: { apiVersion: 'leaderworkerset.x-k8s.io/v1', kind: 'LeaderWorkerSet', name: 'a.b' },
    });
  });

  it.each([
    ['path: /up', { kind: 'http', path: '/up', statuses: [200] }],
    ['status: [204]', { kind: 'http', path: '/health', statuses: [204] }],
    ['body: ok', { kind: 'http', path: '/health', body: 'ok' }],
    ['tcp: true', { kind: 'tcp' }],
    ['grpc: llm.Chat', { kind: 'grpc', service: 'llm.Chat' }],
    ['grpc: ""', { kind: 'grpc', service: '' }],
  ])('is probed as %s says, and not as the pod does', (ready, expected) => {
    const { revision } = settingsOf(`ready: { ${ready} }`);
    expect(revision.backend).toMatchObject({ probeFrom: 'settings' });
    expect(revision.ready).toMatchObject(expected);
  });

  it('is probed as the pod says where only times and trust are given', () => {
    const { backend } = settingsOf('ready: { startup: 5m, trust: own, tcp: false }').revision;
    expect(backend).toMatchObject({ probeFrom: 'pod', trust: 'own' });
  });

  it('gives new replicas only for another target', () => {
    const before = settingsOf('');
    for (const same of ['port: 1', 'service: s', 'route: pod', 'ready: { path: /x }', 'headers: { a: b }'])
      expect(needsNewReplicas(before, settingsOf(same))).toBe(false);
    expect(needsNewReplicas(before, settingsOf('namespace: x'))).toBe(true);
    for (const other of [
      'deployment/n',
      'sts/m',
      '{ apiVersion: example.com/v1, kind: Deployment, name: m }',
    ])
      expect(needsNewReplicas(before, parse(target(other)).models.get('m')!)).toBe(true);
  });

  it.each([
    ['deploy/m', '{ apiVersion: apps/v1, kind: Deployment, name: m }'],
    ['lws/m', '{ apiVersion: leaderworkerset.x-k8s.io/v1, kind: LeaderWorkerSet, name: m }'],
    ['isvc/m', '{ apiVersion: serving.kserve.io/v1beta1, kind: InferenceService, name: m }'],
    [
      '{ apiVersion: example.com/v1, kind: Foo, name: m }',
      '{ apiVersion: example.com/v2, kind: foo, name: m }',
    ],
  ])('is the same target as %s and as %s', (short, whole) => {
    const [before, after] = [short, whole].map((written) => parse(target(written)).models.get('m')!);
    expect(needsNewReplicas(before!, after!)).toBe(false);
  });
});

describe('the section kubernetes', () => {
  it('has defaults as soon as a model uses the driver', () => {
    expect(parse(fileWith('')).kubernetes).toEqual({
      kubeconfig: null,
      context: null,
      namespaces: [],
      discovery: { models: false, annotations: false },
      lease: {
        name: 'pilotlight',
        namespace: null,
        durationMs: 15_000,
        renewDeadlineMs: 10_000,
        retryMs: 2_000,
      },
    });
  });

  it('may stand alone where models are discovered', () => {
    const settings = parse('kubernetes: { discovery: { models: true }, lease: false, kubeconfig: k.yaml }');
    expect(settings.models.size).toBe(0);
    expect(settings.kubernetes).toMatchObject({ lease: null, kubeconfig: '/etc/pilotlight/k.yaml' });
    expect(parse('kubernetes: { discovery: { annotations: true } }\nmodels: {}').models.size).toBe(0);
  });

  it('is kept until the next start', () => {
    const before = parse(fileWith(''));
    const after = parse(fileWith('', { top: 'kubernetes: { namespaces: [a] }' }));
    expect(fixedPart(after)).not.toBe(fixedPart(before));
  });
});

describe('the same target', () => {
  it('may be in two namespaces', () => {
    const backend = (namespace: string) =>
      `{ backend: { driver: kubernetes, namespace: ${namespace}, scaleTarget: sts/x } }`;
    expect(parse(`models: { a: ${backend('a')}, b: ${backend('b')} }`).models.size).toBe(2);
  });
});

describe('warnings of what is in a cluster', () => {
  it('are none as a rule', () => expect(warningsOf(parse(fileWith('')))).toEqual([]));

  it('tell of what has no effect on a count that others own', () => {
    const model = 'scale: { owner: external, max: 3, min: 1 }';
    expect(warningsOf(parse(fileWith('', { model })))).toEqual([
      expect.stringMatching(/^models\.m\.scale\.owner is external: min 1 and max 3 have no effect/),
    ]);
  });

  it('tell of models that several gateways would find without a lease', () => {
    const file = 'kubernetes: { discovery: { models: true }, lease: false }';
    expect(warningsOf(parse(file))).toEqual([expect.stringMatching(/^kubernetes\.lease is false/)]);
  });
});
