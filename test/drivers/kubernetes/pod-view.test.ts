import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { projectSlice } from '../../../src/drivers/kubernetes/endpoint-slices.ts';
import { projectEvent } from '../../../src/drivers/kubernetes/fault-events.ts';
import { judgePod } from '../../../src/drivers/kubernetes/fault-judge.ts';
import { isMeshed } from '../../../src/drivers/kubernetes/mesh.ts';
import { ordinalOf } from '../../../src/drivers/kubernetes/pod-order.ts';
import { portOf } from '../../../src/drivers/kubernetes/pod-port.ts';
import { probeOf } from '../../../src/drivers/kubernetes/pod-probe.ts';
import { stepsOf } from '../../../src/drivers/kubernetes/pod-steps.ts';
import { projectPod } from '../../../src/drivers/kubernetes/pod-view.ts';
import { at, backend, event, exited, pod, podObject, startMs, waiting } from './pod-fixtures.ts';

type Json = Record<string, unknown>;

describe('view of a pod', () => {
  it('holds what is used of it', () => {
    const view = pod({
      metadata: {
        deletionTimestamp: at(60),
        annotations: {
          'controller.kubernetes.io/pod-deletion-cost': '-7',
          'sidecar.istio.io/status': '{"version":"x"}',
        },
      },
      spec: { hostNetwork: true, nodeName: 'gpu-1', schedulingGates: [{ name: 'a/b' }] },
      status: {
        phase: 'Running',
        reason: 'Evicted',
        message: 'low on memory',
        podIP: '198.18.0.7',
        podIPs: [{ ip: '198.18.0.7' }, { ip: 'fd00::7' }],
        conditions: [{ type: 'Ready', status: 'True', reason: 'r', message: 'm', lastTransitionTime: at(3) }],
      },
    });
    expect(view).toMatchObject({
      uid: 'uid-1',
      name: 'llama-7d9c5b8f6-x2x7k',
      namespace: 'llm',
      resourceVersion: '41',
      isDeleting: true,
      createdMs: startMs,
      startedMs: startMs,
      owner: { kind: 'ReplicaSet', name: 'llama-7d9c5b8f6', uid: 'uid-rs' },
      podIP: '198.18.0.7',
      podIPs: ['198.18.0.7', 'fd00::7'],
      isHostNetwork: true,
      nodeName: 'gpu-1',
      phase: 'Running',
      reason: 'Evicted',
      message: 'low on memory',
      conditions: [
        { type: 'Ready', status: 'True', reason: 'r', message: 'm', lastTransitionMs: startMs + 3_000 },
      ],
      schedulingGates: ['a/b'],
      deletionCost: -7,
      hasMeshStatus: true,
      isMeshRedirected: false,
    });
    expect({ ...view.labels }).toEqual({ app: 'llama' });
  });

  it('joins the spec and the status of a container by its name', () => {
    const view = pod({
      spec: { containers: [{ name: 'first' }, { name: 'second', image: 'b' }] },
      status: {
        containerStatuses: [
          {
            name: 'second',
            restartCount: 2,
            started: true,
            ready: true,
            state: { running: { startedAt: at(5) } },
          },
          {
            name: 'first',
            state: waiting('ErrImagePull', 'no'),
            lastState: exited(137, { signal: 9, message: 'bye' }),
          },
        ],
      },
    });
    expect(view.containers).toMatchObject([
      {
        name: 'first',
        state: { is: 'waiting', reason: 'ErrImagePull', message: 'no' },
        lastExit: { exitCode: 137, signal: 9, reason: 'Error', message: 'bye', startedMs: startMs + 1_000 },
      },
      {
        name: 'second',
        image: 'b',
        restarts: 2,
        isStarted: true,
        isReady: true,
        state: { is: 'running', startedMs: startMs + 5_000 },
        lastExit: null,
      },
    ]);
  });

  it('resolves the port of a probe by its name and reads its headers', () => {
    const view = pod({
      main: {
        ports: [
          { name: 'http', containerPort: 8000 },
          { name: 'quic', containerPort: 8443, protocol: 'UDP' },
        ],
        readinessProbe: {
          httpGet: {
            path: 'health',
            port: 'http',
            scheme: 'HTTPS',
            httpHeaders: [{ name: 'X-Key', value: 'k' }],
          },
        },
        livenessProbe: { exec: { command: ['true'] } },
        startupProbe: { tcpSocket: { port: 9000 } },
      },
    });
    expect(view.containers[0]).toMatchObject({
      ports: [{ name: 'http', number: 8000 }],
      readiness: { kind: 'http', port: 8000, path: '/health', scheme: 'https', headers: { 'x-key': 'k' } },
      liveness: { kind: 'exec', port: null },
      startup: { kind: 'tcp', port: 9000 },
    });
  });

  it('keeps the end of a log and the beginning of a message, and no more', () => {
    const view = pod({
      status: { message: `begin${'.'.repeat(5_000)}` },
      mainStatus: { state: exited(1, { message: `${'.'.repeat(5_000)}end` }) },
    });
    expect(view.message).toMatch(/^begin.*…$/);
    expect(view.message.length).toBeLessThan(1_100);
    expect(view.containers[0]?.state).toMatchObject({ message: expect.stringMatching(/^….*end$/) });
  });

  it('takes a deletion cost only as the ReplicaSet controller does', () => {
    const cost = (text: unknown) =>
      pod({ metadata: { annotations: { 'controller.kubernetes.io/pod-deletion-cost': text } } }).deletionCost;
    expect(['100', '0', '-1', '+1', '010', '1.5', '', 7].map(cost)).toEqual([
      100,
      0,
      -1,
      null,
      null,
      null,
      null,
      null,
    ]);
  });

  it('is null for what has no name or uid, and finds no label that was not set', () => {
    expect([null, undefined, 7, 'x', [], {}, { metadata: { name: 'a' } }].map(projectPod)).toEqual(
      Array(7).fill(null),
    );
    expect(pod().labels.constructor).toBeUndefined();
  });

  it('never throws, nor does what is made of it, whatever parts of the object are of another type', () => {
    const object = podObject({
      spec: { nodeName: 'n', initContainers: [{ name: 'init' }], schedulingGates: [] },
      main: { readinessProbe: { httpGet: { port: 'x', path: 7 } } },
    });
    const paths = pathsOf(object);
    const events = [event('Pulled', 'x')];
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.jsonValue(), (path, value) => {
        const view = projectPod(replaced(object, path, value));
        if (view === null) return;
        judgePod(view, events, { nowMs: 0, unschedulableSinceMs: null, capacityTimeoutMs: 0 });
        stepsOf(view, events);
        probeOf(view, backend());
        portOf(view, [], backend());
        ordinalOf(view);
        isMeshed(view);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['pods', projectPod],
    ['events', projectEvent],
    ['slices', projectSlice],
  ])('never throws on arbitrary JSON in place of %s', (_, project) => {
    const metadata = { name: 'a', uid: 'u', labels: { 'kubernetes.io/service-name': 's' } };
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        project(value);
        const parts = typeof value === 'object' ? value : {};
        project({ addressType: 'IPv4', reason: 'r', involvedObject: { kind: 'Pod' }, ...parts, metadata });
        project({
          metadata: { ...metadata, annotations: value },
          addressType: 'IPv6',
          spec: { containers: value, initContainers: [value] },
          status: { conditions: [value], containerStatuses: value },
          endpoints: [value, { addresses: value, conditions: value, targetRef: value }],
          ports: [value],
          series: value,
          regarding: value,
        });
      }),
      { numRuns: 1_000 },
    );
  });
});

/** Every path of keys in a JSON value. */
function pathsOf(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, part]) => pathsOf(part, [...path, key]))];
}

function replaced(value: unknown, [key, ...rest]: readonly string[], part: unknown): unknown {
  if (key === undefined) return part;
  if (Array.isArray(value))
    return value.map((item, index) => (String(index) === key ? replaced(item, rest, part) : item));
  return { ...(value as Json), [key]: replaced((value as Json)[key], rest, part) };
}
