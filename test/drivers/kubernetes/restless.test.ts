import { afterEach, expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { soleLeadership } from '../../../src/core/leadership.ts';
import type { KubernetesDriverOptions } from '../../../src/drivers/kubernetes/driver-options.ts';
import { ScaleApi } from '../../../src/drivers/kubernetes/scale-api.ts';
import { createKubeApi } from '../../../src/kube/client.ts';
import { accessTo } from '../../support/kube-access.ts';
import { KubeServer } from '../../support/kube-server.ts';

const path = '/apis/apps/v1/namespaces/llm/deployments/llama';
const limits = { timeoutMs: 5_000, signal: new AbortController().signal };
let close: (() => Promise<void>) | null = null;

afterEach(async () => {
  await close?.();
});

it('writes a count on the condition that another still stands, whatever else has changed', async () => {
  const server = await KubeServer.start();
  server.put(path, { spec: { replicas: 2, selector: { matchLabels: { app: 'llama' } } } });
  const access = accessTo(server);
  const api = createKubeApi({ access, clock: systemClock, userAgent: 'test' });
  close = async () => {
    await api.close();
    await server.close();
  };
  const options = { api, fieldManager: 'pilotlight', leadership: soleLeadership } as KubernetesDriverOptions;
  const resource = { apiVersion: 'apps/v1', kind: 'Deployment', plural: 'deployments' };
  const scale = new ScaleApi(options, { resource, namespace: 'llm', name: 'llama' } as never);
  const before = await scale.read(limits);
  server.put(path, { spec: { replicas: 2, paused: true, selector: { matchLabels: { app: 'llama' } } } });
  expect(await scale.write(before, 1, limits)).toBe('conflict');
  expect(await scale.writeWhereCounted(before, 1, limits)).toMatchObject({ replicas: 1 });
  expect(await scale.writeWhereCounted(before, 0, limits)).toBe('conflict');
});
