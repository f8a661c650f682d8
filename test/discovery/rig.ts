import type { KubernetesSettings } from '../../src/config/settings.ts';
import { systemClock } from '../../src/core/clock.ts';
import { createDiscovery, type Discovered, type DiscoveryOptions } from '../../src/discovery/discovery.ts';
import { createKubeApi } from '../../src/kube/client.ts';
import { createResources } from '../../src/kube/discovery.ts';
import { createMirrors } from '../../src/kube/mirrors.ts';
import { accessTo } from '../support/kube-access.ts';
import { KubeServer } from '../support/kube-server.ts';

export const modelsPath = '/apis/pilotlight.dev/v1alpha1/namespaces/llm/models';
export const deploymentsPath = '/apis/apps/v1/namespaces/llm/deployments';
const modelKind = { apiVersion: 'pilotlight.dev/v1alpha1', kind: 'Model', plural: 'models' };

const settings: KubernetesSettings = {
  kubeconfig: null,
  context: null,
  namespaces: ['llm'],
  discovery: { models: true, annotations: true },
  lease: null,
};

/** A spec that is right. */
export const goodSpec = (name: string) => ({ backend: { scaleTarget: `deployment/${name}`, port: 8000 } });

/** A server with the Model kind, and the client's parts on it. */
export async function startCluster() {
  const server = await KubeServer.start([modelKind]);
  const access = accessTo(server);
  const api = createKubeApi({ access, clock: systemClock, userAgent: 'test' });
  const mirrors = createMirrors({ api, clock: systemClock, random: Math.random, onFault: () => undefined });
  const resources = createResources(api, systemClock);
  return {
    ...{ server, api, mirrors, resources },
    async close() {
      await mirrors.close();
      await api.close();
      await server.close();
    },
  };
}

/** A discovery, with all that it told. */
export function discover(
  { mirrors, resources }: Pick<DiscoveryOptions, 'mirrors' | 'resources'>,
  changed: Partial<DiscoveryOptions> = {},
) {
  const told: Discovered[] = [];
  const faults: string[] = [];
  const discovery = createDiscovery({
    ...{ mirrors, resources, settings, clock: systemClock, ownNamespace: 'gateway' },
    onChange: (discovered) => told.push(discovered),
    onFault: ({ message }) => faults.push(message),
    ...changed,
  });
  const keys = () =>
    told
      .at(-1)
      ?.models.map(({ key }) => key)
      .sort();
  const faulty = () =>
    told
      .at(-1)
      ?.faulty.map(({ key }) => key)
      .sort();
  return { discovery, told, faults, keys, faulty };
}
