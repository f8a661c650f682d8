import { describe, expect, it } from 'vitest';
import { manifestsIn, onlyOf } from '../packaging/deploy-files.ts';
import { kubectl, mustKubectl } from './support/kubectl.ts';

const namespace = 'deploy-sidecar';

function apply(manifests: readonly object[], ...flags: string[]): string {
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests });
  const result = kubectl(['apply', '--server-side', ...flags, '-f', '-'], list);
  if (result.status !== 0) throw new Error(result.stderr);
  return result.stderr;
}

/** With pods that the suite's scheduler and kubelets leave alone: there is no such image here. */
function unscheduled() {
  const manifests = structuredClone(manifestsIn('examples/sidecar.yaml'));
  const { template } = onlyOf(manifests, 'Deployment').spec as {
    template: { spec: Record<string, unknown> };
  };
  template.spec.schedulerName = 'played-by-the-test';
  return manifests;
}

describe('the example of a sidecar without Knative', () => {
  it('is taken by the restricted standard for pods without a warning, and its pod has a native sidecar', async () => {
    const standard = 'pod-security.kubernetes.io';
    const labels = { [`${standard}/enforce`]: 'restricted', [`${standard}/warn`]: 'restricted' };
    apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } }]);
    expect(apply(unscheduled(), '-n', namespace)).toBe('');
    const path = '{.items[*].spec.initContainers[*].restartPolicy} {.items[*].spec.containers[*].name}';
    const pods = () => mustKubectl(['-n', namespace, 'get', 'pods', '-o', `jsonpath=${path}`]);
    await expect.poll(pods, { timeout: 20_000 }).toBe('Always app');
  });
});

describe('the example of a configuration for Knative', () => {
  it('sets its own keys and leaves the others of the two ConfigMaps', () => {
    const config = manifestsIn('examples/sidecar-knative-config.yaml');
    const inNamespace = config.map((manifest) => ({
      ...manifest,
      metadata: { ...manifest.metadata, namespace },
    }));
    for (const { metadata } of config) {
      const key =
        metadata.name === 'config-deployment' ? 'queue-sidecar-image' : 'kubernetes.podspec-affinity';
      mustKubectl(['-n', namespace, 'create', 'configmap', metadata.name, `--from-literal=${key}=theirs`]);
    }
    apply(inNamespace, '--force-conflicts');
    const data = (name: string) =>
      JSON.parse(
        mustKubectl(['-n', namespace, 'get', 'configmap', name, '-o', 'jsonpath={.data}']),
      ) as object;
    expect(data('config-deployment')).toMatchObject(config[0]!.data as object);
    expect(data('config-features')).toEqual({
      'kubernetes.podspec-affinity': 'theirs',
      'queueproxy.mount-podinfo': 'allowed',
    });
  });
});
