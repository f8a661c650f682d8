import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { KubernetesBackend } from '../../../src/config/settings.ts';
import { systemClock } from '../../../src/core/clock.ts';
import type { Target } from '../../../src/core/driver.ts';
import { createKnativeDriver, isKnativeTarget } from '../../../src/drivers/kubernetes/knative-driver.ts';
import { createKubeApi } from '../../../src/kube/client.ts';
import { createMirrors } from '../../../src/kube/mirrors.ts';
import { describeDriver } from '../../conformance/driver.ts';
import { StatusLog } from '../../conformance/status-log.ts';
import { accessTo } from '../../support/kube-access.ts';
import { KubeServer } from '../../support/kube-server.ts';
import { kubernetesBackend } from '../../support/kube-workload.ts';

const path = '/apis/serving.knative.dev/v1/namespaces/llm/services/tts';
const scaleTarget = { apiVersion: 'serving.knative.dev/v1', kind: 'Service', name: 'tts' };
const backend = kubernetesBackend({ scaleTarget });
const target: Target<KubernetesBackend> = { id: 'tts/default', model: 'tts', revision: 'default', backend };

async function begin() {
  const server = await KubeServer.start([
    { apiVersion: 'serving.knative.dev/v1', kind: 'Service', plural: 'services' },
  ]);
  const access = accessTo(server);
  const api = createKubeApi({ access, clock: systemClock, userAgent: 'test' });
  const onFault = (error: unknown) => expect.unreachable(String(error));
  const mirrors = createMirrors({ api, clock: systemClock, random: Math.random, onFault: () => undefined });
  const driver = createKnativeDriver({ api, mirrors, clock: systemClock, onFault });
  const put = (url: string, ready: 'True' | 'False', message = '') =>
    server.put(path, {
      metadata: { name: 'tts', namespace: 'llm', uid: 'k-1' },
      status: { address: { url }, conditions: [{ type: 'Ready', status: ready, message }] },
    });
  const dispose = async () => {
    await mirrors.close();
    await api.close();
    await server.close();
  };
  return { server, driver, put, dispose };
}

describeDriver('knative', async () => {
  const { driver, put, dispose } = await begin();
  const listener = createServer((_req, res) => res.end()).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  put(`http://127.0.0.1:${(listener.address() as AddressInfo).port}`, 'True');
  const log = new StatusLog(driver, target);
  await log.settled(1);
  return {
    driver,
    target,
    runningFor: () => 1,
    isOwner: false,
    dispose: async () => {
      listener.close();
      await log.stop();
      await dispose();
    },
  };
});

describe('knative driver', () => {
  it('is for Services of Knative alone', () => {
    const core = { ...backend, scaleTarget: { apiVersion: 'v1', kind: 'Service', name: 'tts' } };
    expect([isKnativeTarget(backend), isKnativeTarget(core)]).toEqual([true, false]);
  });

  it('tells the address and the condition Ready of the Service as they change, and writes nothing', async () => {
    const { server, driver, put, dispose } = await begin();
    const log = new StatusLog(driver, target);
    await log.find(({ fault }) => fault === 'missing');
    put('http://tts.llm.svc.cluster.local/', 'False', 'Revision "tts-1" failed');
    await log.find(({ replicas }) => replicas[0]?.isReady === false);
    expect(log.last.replicas[0]).toMatchObject({
      origin: 'http://tts.llm.svc.cluster.local',
      phase: 'running',
      reason: 'Revision "tts-1" failed',
      probe: { kind: 'none' },
    });
    put('http://tts.llm.svc.cluster.local', 'True');
    await log.find(({ replicas }) => replicas[0]?.isReady === true);
    await driver.scale(target, { replicas: 3 }, new AbortController().signal);
    expect(server.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
    server.delete(path);
    await expect.poll(() => log.last.fault).toBe('missing');
    await log.stop();
    await dispose();
  });
});
