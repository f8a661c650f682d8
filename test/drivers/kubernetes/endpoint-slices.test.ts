import { describe, expect, it } from 'vitest';
import { projectSlice } from '../../../src/drivers/kubernetes/endpoint-slices.ts';
import { isMeshed } from '../../../src/drivers/kubernetes/mesh.ts';
import { ordinalOf } from '../../../src/drivers/kubernetes/pod-order.ts';
import { originOf, portOf } from '../../../src/drivers/kubernetes/pod-port.ts';
import { backend, pod } from './pod-fixtures.ts';

const metadata = {
  name: 'llama-x7k2p',
  namespace: 'llm',
  uid: 's-1',
  resourceVersion: '5',
  labels: { 'kubernetes.io/service-name': 'llama' },
};
const slice = (parts: Record<string, unknown> = {}) =>
  projectSlice({ metadata, addressType: 'IPv4', ports: [], endpoints: [], ...parts });

describe('view of an EndpointSlice', () => {
  it('holds the Service, its target ports by name, and its endpoints with their pods', () => {
    const view = slice({
      ports: [
        { name: 'http', port: 8000, protocol: 'TCP' },
        { name: 'quic', port: 8443, protocol: 'UDP' },
        { name: null, port: 9000 },
        { name: 'any', port: null },
      ],
      endpoints: [
        {
          addresses: ['198.18.0.7'],
          targetRef: { kind: 'Pod', uid: 'uid-1', name: 'llama-x' },
          conditions: { ready: false, serving: true, terminating: true },
        },
        { addresses: ['198.18.0.8'], targetRef: { kind: 'Node', uid: 'n' }, conditions: {} },
      ],
    });
    expect(view).toMatchObject({ uid: 's-1', service: 'llama', addressType: 'IPv4', resourceVersion: '5' });
    expect([...view!.ports]).toEqual([
      ['http', 8000],
      ['', 9000],
    ]);
    expect(view?.endpoints).toEqual([
      { addresses: ['198.18.0.7'], podUid: 'uid-1', isReady: false, isServing: true, isTerminating: true },
      { addresses: ['198.18.0.8'], podUid: null, isReady: true, isServing: true, isTerminating: false },
    ]);
  });

  it.each([
    [{ ready: null, serving: null, terminating: null }, [true, true, false]],
    [{ ready: false }, [false, false, false]],
    [{ ready: false, serving: true }, [false, true, false]],
    [{ ready: true, serving: false }, [true, false, false]],
  ])('takes what is unset of %j as the API has it', (conditions, [isReady, isServing, isTerminating]) => {
    const view = slice({ endpoints: [{ addresses: ['198.18.0.7'], conditions }] });
    expect(view?.endpoints[0]).toMatchObject({ isReady, isServing, isTerminating });
  });

  it('is null without a Service, and for names in place of addresses', () => {
    expect(slice({ metadata: { ...metadata, labels: {} } })).toBeNull();
    expect(slice({ addressType: 'FQDN' })).toBeNull();
    expect(projectSlice(null)).toBeNull();
  });
});

describe('port of a pod', () => {
  const ports = (...list: [string, number][]) => ({
    main: { ports: list.map(([name, containerPort]) => ({ name, containerPort })) },
  });
  const service = (uid: string, ...list: [string, number][]) =>
    slice({
      ports: list.map(([name, port]) => ({ name, port })),
      endpoints: [{ addresses: ['198.18.0.7'], targetRef: { kind: 'Pod', uid } }],
    })!;

  it('is the number that is given, or that of the name', () => {
    const view = pod(ports(['http', 8000], ['metrics', 9000]));
    expect(portOf(view, [], backend({ port: 1234 }))).toBe(1234);
    expect(portOf(view, [], backend({ port: 'metrics' }))).toBe(9000);
    expect(portOf(view, [service('uid-1', ['web', 8001])], backend({ port: 'web' }))).toBe(8001);
    expect(portOf(view, [], backend({ port: 'web' }))).toBeNull();
  });

  it('is the only one of the Service, else the only one of its containers, else the one that is probed', () => {
    const one = pod(ports(['http', 8000]));
    expect(portOf(one, [service('uid-1', ['web', 8001])], backend())).toBe(8001);
    expect(portOf(one, [], backend())).toBe(8000);
    const none = pod({ main: { ports: [], readinessProbe: { httpGet: { port: 8080 } } } });
    expect(portOf(none, [], backend())).toBe(8080);
  });

  it('is not known where there are several, or none', () => {
    expect(portOf(pod(ports(['http', 8000], ['metrics', 9000])), [], backend())).toBeNull();
    expect(portOf(pod({ main: { ports: [] } }), [], backend())).toBeNull();
  });

  it('is that of the slice that holds the pod where a named target port differs between pods', () => {
    const slices = [service('uid-2', ['web', 7000]), service('uid-1', ['web', 8001])];
    expect(portOf(pod(), slices, backend({ port: 'web' }))).toBe(8001);
    expect(portOf(pod(), slices, backend())).toBe(8001);
  });

  it('is none of the proxy of a mesh', () => {
    const containers = [
      { name: 'istio-proxy', ports: [{ name: 'http-envoy-prom', containerPort: 15090 }] },
      { name: 'main', ports: [{ containerPort: 8000 }] },
    ];
    expect(portOf(pod({ spec: { containers } }), [], backend())).toBe(8000);
  });

  it('is written behind the address, IPv6 in brackets', () => {
    expect([originOf('198.18.0.7', 80), originOf('fd00::7', 8000)]).toEqual([
      'http://198.18.0.7:80',
      'http://[fd00::7]:8000',
    ]);
  });
});

describe('order of a pod', () => {
  const named = (name: string, kind: string, labels = {}) =>
    ordinalOf(
      pod({ metadata: { name, labels, ownerReferences: [{ kind, name: 'x', uid: 'o', controller: true }] } }),
    );

  it('is the index that its controller wrote, else the end of its name', () => {
    expect(named('llama-3', 'StatefulSet', { 'apps.kubernetes.io/pod-index': '3' })).toBe(3);
    expect(named('llama-12', 'StatefulSet')).toBe(12);
    expect(
      named('llama-2', 'StatefulSet', {
        'leaderworkerset.sigs.k8s.io/group-index': '2',
        'apps.kubernetes.io/pod-index': '0',
      }),
    ).toBe(2);
    expect(named('llama-4', 'LeaderWorkerSet', { 'leaderworkerset.sigs.k8s.io/name': 'llama' })).toBe(4);
  });

  it('is none for pods of other kinds, whatever they are called, and for an index that is no number', () => {
    expect(named('llama-7d9c5b8f6-12345', 'ReplicaSet')).toBeNull();
    expect(named('llama', 'StatefulSet', { 'apps.kubernetes.io/pod-index': 'x' })).toBeNull();
  });
});

describe('mesh of a pod', () => {
  it.each([
    ['the label of its mutual TLS', { metadata: { labels: { 'security.istio.io/tlsMode': 'istio' } } }],
    ['the annotation of the injector', { metadata: { annotations: { 'sidecar.istio.io/status': '{}' } } }],
    [
      'the redirection of ambient',
      { metadata: { annotations: { 'ambient.istio.io/redirection': 'enabled' } } },
    ],
    ['the sidecar', { spec: { containers: [{ name: 'main' }, { name: 'istio-proxy' }] } }],
    [
      'the native sidecar',
      {
        spec: {
          containers: [{ name: 'main' }],
          initContainers: [{ name: 'istio-proxy', restartPolicy: 'Always' }],
        },
      },
    ],
  ])('is seen by %s', (_, parts) => {
    expect(isMeshed(pod(parts))).toBe(true);
  });

  it('is not there without a mark of it', () => {
    expect(isMeshed(pod())).toBe(false);
    expect(isMeshed(pod({ metadata: { annotations: { 'ambient.istio.io/redirection': 'disabled' } } }))).toBe(
      false,
    );
  });
});
