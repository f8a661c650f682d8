import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import {
  componentByKey,
  type Manifest,
  manifestsIn,
  manifestsOf,
  onlyOf,
} from '../packaging/deploy-files.ts';
import { helmOfSuite, kubeboxOfSuite, kubectl, mustKubectl } from './support/kubectl.ts';
import { renderHelm, renderKustomize } from './support/rendering.ts';

const kustomized = (folder: string, namespace?: string) =>
  renderKustomize({ kubebox: kubeboxOfSuite(), folder, ...(namespace === undefined ? {} : { namespace }) });
const helmed = (namespace: string, set: readonly string[] = []) =>
  renderHelm({ helm: helmOfSuite(), namespace, set });

/** The labels by which Helm finds what it made, and the configuration as text: each is written in its own way. */
function normalised(manifests: readonly Manifest[]): Record<string, unknown> {
  const entries = manifests.map((manifest): [string, unknown] => {
    const copy = structuredClone(manifest) as Manifest & { data?: Record<string, unknown> };
    const { kind, metadata } = copy;
    const labels = { ...metadata.labels };
    delete labels['helm.sh/chart'];
    delete labels['app.kubernetes.io/managed-by'];
    const config = copy.data?.['pilotlight.yaml'];
    if (typeof config === 'string') copy.data!['pilotlight.yaml'] = parseYaml(config);
    const name = `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;
    return [name, { ...copy, metadata: { ...metadata, labels } }];
  });
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function makeNamespace(name: string): void {
  const standard = 'pod-security.kubernetes.io';
  const labels = { [`${standard}/enforce`]: 'restricted', [`${standard}/warn`]: 'restricted' };
  apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }]);
}

function apply(manifests: readonly Manifest[], ...flags: string[]): string {
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests });
  const result = kubectl(['apply', '--server-side', '--force-conflicts', ...flags, '-f', '-'], list);
  if (result.status !== 0) throw new Error(result.stderr);
  return result.stderr;
}

const podsOf = (namespace: string, jsonPath: string) =>
  mustKubectl(['-n', namespace, 'get', 'pods', '-o', `jsonpath={range .items[*]}${jsonPath}{"\\n"}{end}`])
    .split('\n')
    .filter((line) => line !== '');

/** Plays the scheduler: the pod gets a node, so that it is not gone as soon as it is deleted. */
function bind(namespace: string, pod: string): void {
  const target = { apiVersion: 'v1', kind: 'Node', name: 'played' };
  const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name: pod }, target };
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}/binding`;
  mustKubectl(['create', '--raw', path, '-f', '-'], JSON.stringify(binding));
}

/** Plays the kubelet: the pod runs, and is ready when its gateway has the Lease. */
function makeRunning(namespace: string, pod: string, { isReady }: { isReady: boolean }): void {
  const conditions = [{ type: 'Ready', status: isReady ? 'True' : 'False' }];
  const patch = JSON.stringify({ status: { phase: 'Running', conditions } });
  mustKubectl(['-n', namespace, 'patch', 'pod', pod, '--subresource=status', '--type=merge', '-p', patch]);
}

describe('the renderings', () => {
  it('by kustomize and by Helm are the same objects', () => {
    const asIs = ['image.repository=registry.example.com/pilotlight'];
    const set = [...asIs, 'rbac.deletionCost=true', 'rbac.podLogs=true'];
    expect(normalised(helmed('llm', set))).toEqual(normalised(kustomized('overlays/llm')));
  });

  it('with every optional Role are the same Roles', () => {
    const roles = (manifests: readonly Manifest[]) =>
      normalised(manifests.filter(({ kind }) => kind === 'Role' || kind === 'RoleBinding'));
    const set = Object.keys(componentByKey).map((key) => `rbac.${key}=true`);
    const helm = roles(helmed('llm', set));
    for (const [name, role] of Object.entries(roles(kustomized('overlays/llm'))))
      expect(helm[name]).toEqual(role);
    expect(Object.keys(helm)).toHaveLength(2 * (2 + set.length));
  });

  it('for several namespaces bind a Role in each to the account of the gateway, and no ClusterRole', () => {
    const set = [
      'config.kubernetes.namespaces={team-a,team-b}',
      'rbac.deletionCost=true',
      'rbac.podLogs=true',
    ];
    const bound = (manifests: readonly Manifest[]) =>
      normalised(manifests.filter(({ kind }) => /Role/.test(kind) || kind === 'NetworkPolicy'));
    const byHelm = bound(helmed('pilotlight', set));
    expect(byHelm).toEqual(bound(kustomized('overlays/several-namespaces')));
    expect(Object.keys(byHelm).filter((name) => name.startsWith('Cluster'))).toEqual([]);
  });

  it('by Helm wait for the end of a pod as long as its drain says, and refuse one without end', () => {
    const graceOf = (drain: string) => {
      const { spec } = onlyOf(helmed('llm', [`config.server.drain=${drain}`]), 'Deployment');
      return (spec as { template: { spec: { terminationGracePeriodSeconds: number } } }).template.spec
        .terminationGracePeriodSeconds;
    };
    expect(graceOf('1m30s')).toBe(15 + 90 + 10);
    expect(graceOf('2h')).toBe(15 + 7200 + 10);
    expect(() => graceOf('0')).toThrow('set terminationGracePeriodSeconds');
  });

  it('by Helm without a Lease are of one pod, that is gone before the next one starts', () => {
    const without = ['config.kubernetes.lease=false'];
    expect(() => helmed('llm', without)).toThrow('set replicas to 1, or leave config.kubernetes.lease out');
    const one = helmed('llm', [...without, 'replicas=1']);
    expect(onlyOf(one, 'Deployment').spec).toMatchObject({ replicas: 1, strategy: { type: 'Recreate' } });
    expect(JSON.stringify(one.filter(({ kind }) => kind === 'Role'))).not.toContain('leases');
  });
});

/** With pods that the suite's scheduler and kubelets leave alone: the test plays these. */
function unscheduled(manifests: readonly Manifest[]): Manifest[] {
  const copy = structuredClone(manifests) as Manifest[];
  const { template } = onlyOf(copy, 'Deployment').spec as { template: { spec: Record<string, unknown> } };
  template.spec.schedulerName = 'played-by-the-test';
  return copy;
}

let namespaces = 0;

/** Applies a rendering to a new namespace and waits for its two pods; none of them is ready. */
async function installed(door: string) {
  const namespace = `deploy-${door}-${namespaces++}`;
  const manifests = unscheduled(door === 'helm' ? helmed(namespace) : kustomized('base', namespace));
  makeNamespace(namespace);
  const warnings = apply(manifests);
  /** Those that nothing has deleted. */
  const staying = () =>
    podsOf(namespace, '{.metadata.name} {.metadata.deletionTimestamp}')
      .filter((line) => line.endsWith(' '))
      .map((line) => line.trim());
  await expect.poll(staying).toHaveLength(2);
  for (const pod of staying()) bind(namespace, pod);
  const get = (what: string, field: string) =>
    mustKubectl(['-n', namespace, 'get', what, '-o', `jsonpath={${field}}`]);
  return { namespace, manifests, warnings, staying, get };
}

describe.each(['kustomize', 'helm'])('what %s makes, on a real API server', (door) => {
  it('is taken without a warning, twice, and gives two pods where the restricted standard is enforced', async () => {
    const { warnings, manifests } = await installed(door);
    expect(warnings).toBe('');
    expect(apply(manifests)).toBe('');
  });

  it('lets the only ready pod be evicted, and no other before the next is ready', async () => {
    const { namespace, staying, get } = await installed(door);
    const [leader = '', standby = ''] = staying();
    makeRunning(namespace, leader, { isReady: true });
    makeRunning(namespace, standby, { isReady: false });
    await expect.poll(() => get('pdb/pilotlight', '.status.disruptionsAllowed')).toBe('1');
    const evict = (pod: string) => {
      const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: pod, namespace } };
      const path = `/api/v1/namespaces/${namespace}/pods/${pod}/eviction`;
      return kubectl(['create', '--raw', path, '-f', '-'], JSON.stringify(eviction));
    };
    expect(evict(leader).status).toBe(0);
    expect(evict(standby).stderr).toContain('disruption budget');
  });

  it('comes to the end of a rollout though no new pod is ready before the old one has gone', async () => {
    const { namespace, staying, get } = await installed(door);
    const old = staying();
    makeRunning(namespace, old[0]!, { isReady: true });
    makeRunning(namespace, old[1]!, { isReady: false });
    await expect.poll(() => get('deployment/pilotlight', '.status.availableReplicas')).toBe('1');
    const metadata = { annotations: { 'example.com/is': 'new' } };
    const patch = JSON.stringify({ spec: { template: { metadata } } });
    mustKubectl(['-n', namespace, 'patch', 'deployment', 'pilotlight', '--type=merge', '-p', patch]);
    await expect.poll(() => staying().filter((pod) => old.includes(pod))).toEqual([]);
    await expect.poll(staying).toHaveLength(2);
  });

  it('keeps what the gateway has learned when it is applied again', async () => {
    const { namespace, manifests, get } = await installed(door);
    const patch = JSON.stringify({ data: { learned: '1' } });
    const map = ['-n', namespace, 'patch', 'configmap', 'pilotlight-starts', '--type=merge', '-p', patch];
    mustKubectl([...map, '--field-manager=pilotlight']);
    apply(manifests);
    expect(get('configmap/pilotlight-starts', '.data.learned')).toBe('1');
  });
});

it('takes the workload and the Model of the guide as they stand there', () => {
  const guide = readFileSync('docs/kubernetes.md', 'utf8');
  const shown = [...guide.matchAll(/```yaml kubernetes\n([\s\S]*?)```/g)].flatMap(([, text]) =>
    manifestsOf(text!),
  );
  const known = [onlyOf(shown, 'Deployment'), onlyOf(shown, 'Model')];
  apply(manifestsIn('crd/models.pilotlight.dev.yaml'));
  mustKubectl(['wait', '--for=condition=Established', 'crd/models.pilotlight.dev']);
  apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: known[0]!.metadata.namespace! } }]);
  expect(apply(known, '--dry-run=server')).toBe('');
});
