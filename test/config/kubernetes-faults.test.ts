import { describe, expect, it } from 'vitest';
import { type FaultCase, faultsOf } from './parse.ts';

const fileWith = (backend: string, { model = '', top = '' } = {}) =>
  `server: { drain: 20m }\n${top}\nmodels: { m: { backend: { driver: kubernetes, scaleTarget: deployment/m, ${backend} }, ${model} } }`;
const target = (scaleTarget: string) =>
  `models: { m: { backend: { driver: kubernetes, scaleTarget: ${scaleTarget} } } }`;

const cases: readonly FaultCase[] = [
  [
    'no target',
    'models: { m: { backend: { driver: kubernetes } } }',
    'models.m.backend.scaleTarget',
    'is required',
    null,
  ],
  ['a target without kind', target('m'), 'models.m.backend.scaleTarget', 'must be KIND/NAME, such as', null],
  [
    'a target that is no text',
    target('7'),
    'models.m.backend.scaleTarget',
    'must be KIND/NAME, such as',
    null,
  ],
  [
    'a target with a bad name',
    target('sts/Ab_c'),
    'models.m.backend.scaleTarget',
    'names Ab_c, which must be a Kubernetes name: lower-case',
    null,
  ],
  [
    'a target with a long name',
    target(`sts/${'a'.repeat(254)}`),
    'models.m.backend.scaleTarget',
    'longer than 253',
    null,
  ],
  [
    'a target with an unknown key',
    target('{ kind: A, nmae: b, name: b }'),
    'models.m.backend.scaleTarget.nmae',
    'is not a known key',
    'did you mean name?',
  ],
  [
    'a bad version',
    target('{ apiVersion: apps, kind: A, name: b }'),
    'models.m.backend.scaleTarget.apiVersion',
    'GROUP/VERSION',
    null,
  ],
  [
    'a bad namespace',
    fileWith('namespace: a.b'),
    'models.m.backend.namespace',
    'must be a Kubernetes name: lower-case letters, digits and -',
    null,
  ],
  [
    'a long service',
    fileWith(`service: ${'s'.repeat(64)}`),
    'models.m.backend.service',
    'is longer than 63 characters',
    null,
  ],
  ['port 0', fileWith('port: 0'), 'models.m.backend.port', 'must be at least 1', null],
  ['a port with a dash first', fileWith('port: -x'), 'models.m.backend.port', 'or the name of one', null],
  ['a port as text', fileWith('port: "80"'), 'models.m.backend.port', 'must be a port from 1 to 65535', null],
  [
    'a route by no service',
    fileWith('route: service'),
    'models.m.backend.service',
    'is required with route: service',
    null,
  ],
  [
    'an unknown trust',
    fileWith('ready: { trust: kubernets }'),
    'models.m.backend.ready.trust',
    'must be auto, own, kubernetes or both',
    'did you mean kubernetes?',
  ],
  [
    'a path with tcp',
    fileWith('ready: { tcp: true, path: /x }'),
    'models.m.backend.ready.path',
    'does not apply here',
    null,
  ],
  ['a command', fileWith('command: [x]'), 'models.m.backend.command', 'does not apply here', null],
  [
    'an owner of a process',
    'models: { m: { scale: { owner: external }, backend: { driver: process, command: [x] } } }',
    'models.m.scale.owner',
    'applies to kubernetes only, not to process',
    null,
  ],
  [
    'a capacity of a process',
    'models: { m: { scale: { capacityTimeout: 0 }, backend: { driver: process, command: [x] } } }',
    'models.m.scale.capacityTimeout',
    'applies to kubernetes only',
    null,
  ],
  [
    'a gauge of a URL',
    'models: { m: { scale: { gauge: true }, backend: { driver: static, urls: ["http://x"] } } }',
    'models.m.scale.gauge',
    'does not apply to static',
    null,
  ],
  [
    'two models of one target',
    'models: { a: { backend: &b { driver: kubernetes, scaleTarget: deploy/x } }, b: { backend: { driver: kubernetes, scaleTarget: { apiVersion: apps/v1, kind: Deployment, name: x } } } }',
    'models.b.backend.scaleTarget',
    'Deployment/x is already that of a',
    null,
  ],
  ['discovery of nothing', 'kubernetes: {}', 'models', 'is required', null],
  ['no model and no discovery', 'kubernetes: {}\nmodels: {}', 'models', 'must hold at least one model', null],
  [
    'a lease renewed too late',
    fileWith('', { top: 'kubernetes: { lease: { duration: 5s } }' }),
    'kubernetes.lease.renewDeadline',
    'must be less than duration, which is 5s',
    null,
  ],
  [
    'a lease retried too late',
    fileWith('', { top: 'kubernetes: { lease: { retry: 10s } }' }),
    'kubernetes.lease.retry',
    'must be less than renewDeadline, which is 10s',
    null,
  ],
  [
    'a lease that is true',
    fileWith('', { top: 'kubernetes: { lease: true }' }),
    'kubernetes.lease',
    'must be false or {',
    null,
  ],
  [
    'one namespace twice',
    fileWith('', { top: 'kubernetes: { namespaces: [a, a] }' }),
    'kubernetes.namespaces',
    'same namespace twice',
    null,
  ],
];

describe('a fault of what is in a cluster is named by its path', () => {
  it.each(cases)('%s', (_, text, path, message, hint) => {
    expect(faultsOf(text)).toEqual([
      { path, line: expect.anything(), message: expect.stringContaining(message), hint },
    ]);
  });
});
