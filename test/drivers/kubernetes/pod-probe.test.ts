import { describe, expect, it } from 'vitest';
import { isPodReady, probeOf } from '../../../src/drivers/kubernetes/pod-probe.ts';
import { backend, pod } from './pod-fixtures.ts';

const status = { podIP: '198.18.0.7' };
const http = { httpGet: { path: '/health', port: 8000 } };
const exec = { exec: { command: ['/bin/true'] } };
const withProbes = (main: Record<string, unknown>) => pod({ status, main });
const own = { trustsOwn: true, trustsPlatform: false };
const platform = { trustsOwn: false, trustsPlatform: true };

describe('probing of a pod', () => {
  it('runs its readiness probe, taking for success what the kubelet does', () => {
    const { probe, ...trust } = probeOf(withProbes({ readinessProbe: http }), backend());
    expect(trust).toEqual(own);
    expect(probe).toMatchObject({ kind: 'http', origin: 'http://198.18.0.7:8000', path: '/health' });
    expect([200, 204, 301, 399].every((code) => probe?.statuses?.includes(code))).toBe(true);
    expect([199, 400, 503].some((code) => probe?.statuses?.includes(code))).toBe(false);
    expect(probe).not.toHaveProperty('headers');
  });

  it('asks another port of the pod, with the headers of the probe, over IPv6 too', () => {
    const get = { path: '/ready', port: 9000, httpHeaders: [{ name: 'X-Key', value: 'k' }] };
    const view = pod({ status: { podIP: 'fd00::7' }, main: { readinessProbe: { httpGet: get } } });
    expect(probeOf(view, backend()).probe).toMatchObject({
      origin: 'http://[fd00::7]:9000',
      headers: { 'x-key': 'k' },
    });
  });

  it('connects where the probe only connects', () => {
    const view = withProbes({ readinessProbe: { tcpSocket: { port: 8000 } } });
    expect(probeOf(view, backend())).toEqual({
      probe: { kind: 'tcp', origin: 'http://198.18.0.7:8000' },
      ...own,
    });
  });

  it('asks the health service of gRPC where the probe does', () => {
    const asked = (grpc: object) => probeOf(withProbes({ readinessProbe: { grpc } }), backend());
    expect(asked({ port: 8001, service: 'llm.Chat' })).toEqual({
      probe: { kind: 'grpc', origin: 'http://198.18.0.7:8001', service: 'llm.Chat' },
      ...own,
    });
    expect(asked({ port: 8001 }).probe).toMatchObject({ kind: 'grpc', service: '' });
  });

  it('takes the startup probe where there is no readiness probe, and the liveness probe never', () => {
    expect(probeOf(withProbes({ startupProbe: http }), backend()).probe?.path).toBe('/health');
    expect(probeOf(withProbes({ livenessProbe: http }), backend())).toEqual(own);
    const both = withProbes({
      startupProbe: { httpGet: { path: '/started', port: 8000 } },
      readinessProbe: http,
    });
    expect(probeOf(both, backend()).probe?.path).toBe('/health');
  });

  it('probes as the settings say where the pod has no probe, or where they are to count', () => {
    expect(probeOf(withProbes({}), backend())).toEqual(own);
    const settings = backend({ probeFrom: 'settings' });
    expect(probeOf(withProbes({ readinessProbe: http }), settings)).toEqual(own);
    expect(probeOf(withProbes({ readinessProbe: exec }), settings)).toEqual(own);
  });

  it.each([
    ['exec', { readinessProbe: exec }],
    ['exec at startup alone', { startupProbe: exec }],
    [
      'HTTPS, whose certificate the kubelet does not look at',
      { readinessProbe: { httpGet: { port: 8000, scheme: 'HTTPS' } } },
    ],
    ['another host', { readinessProbe: { httpGet: { port: 8000, host: '127.0.0.1' } } }],
    ['a port whose name nobody has', { readinessProbe: { httpGet: { port: 'metrics' } } }],
  ])('trusts the platform by default for %s, and the settings where they are to be trusted', (_, main) => {
    const view = withProbes(main);
    expect(probeOf(view, backend())).toEqual(platform);
    expect(probeOf(view, backend({ trust: 'own' }))).toEqual(own);
    expect(probeOf(view, backend({ trust: 'both' }))).toEqual({ trustsOwn: true, trustsPlatform: true });
  });

  it('trusts whom it is told to', () => {
    const view = withProbes({ readinessProbe: http });
    expect(probeOf(view, backend({ trust: 'kubernetes' }))).toEqual(platform);
    expect(probeOf(view, backend({ trust: 'both' }))).toMatchObject({
      trustsOwn: true,
      trustsPlatform: true,
    });
    expect(probeOf(view, backend({ trust: 'both' })).probe?.path).toBe('/health');
  });

  it('looks at the container that has the port, and not at the proxy of a mesh', () => {
    const named = (name: string, port: number, path: string) => ({
      name,
      ports: [{ name: `${name}-port`, containerPort: port }],
      readinessProbe: { httpGet: { path, port } },
    });
    const containers = [
      named('istio-proxy', 15021, '/proxy'),
      named('helper', 9000, '/helper'),
      named('main', 8000, '/main'),
    ];
    const view = pod({ status, spec: { containers } });
    expect(probeOf(view, backend({ port: 8000 })).probe?.path).toBe('/main');
    expect(probeOf(view, backend({ port: 'main-port' })).probe?.path).toBe('/main');
    expect(probeOf(view, backend()).probe?.path).toBe('/helper');
  });

  it('has no plan while the address is not known, and trusts nobody else meanwhile', () => {
    expect(probeOf(pod({ main: { readinessProbe: http } }), backend())).toEqual(own);
  });

  it('is ready for the platform by its condition alone', () => {
    const having = (value: string) => pod({ status: { conditions: [{ type: 'Ready', status: value }] } });
    expect(['True', 'False', 'Unknown'].map((value) => isPodReady(having(value)))).toEqual([
      true,
      false,
      false,
    ]);
    expect(isPodReady(pod({ status: { conditions: [] } }))).toBe(false);
  });
});
