import { beforeAll, describe, expect, it } from 'vitest';
import { type Grant, grantedByRole } from '../packaging/deploy-files.ts';
import { helmOfSuite, kubectl, mustKubectl } from './support/kubectl.ts';
import { renderHelm } from './support/rendering.ts';

const namespace = 'rbac';
const elsewhere = 'rbac-elsewhere';
const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'];
const account = (name: string) => `system:serviceaccount:${namespace}:${name}`;
const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'];
const as = (name: string) => [`--as=${account(name)}`, ...groups.map((group) => `--as-group=${group}`)];

/** Every resource that is served, `group resource`, with subresources. */
function servedResources(): { group: string; resource: string; isNamespaced: boolean }[] {
  const raw = <T>(path: string) => JSON.parse(mustKubectl(['get', '--raw', path])) as T;
  interface List {
    resources: { name: string; namespaced: boolean }[];
  }
  const versions = raw<{ groups: { name: string; preferredVersion: { groupVersion: string } }[] }>('/apis');
  const named = versions.groups.map(({ name, preferredVersion }) => ({
    group: name,
    path: `/apis/${preferredVersion.groupVersion}`,
  }));
  return [{ group: '', path: '/api/v1' }, ...named].flatMap(({ group, path }) =>
    raw<List>(path).resources.map(({ name, namespaced }) => ({
      group,
      resource: name,
      isNamespaced: namespaced,
    })),
  );
}

const lineOf = ({ group, resource, verb, name }: Grant) => `${verb} ${resource}.${group} ${name}`;

/** Asks the API server's authorizer for each; those that it allows. */
function allowedOf(user: string, place: string, asked: readonly Grant[]): string[] {
  const items = asked.map(({ group, resource: whole, verb, name }) => {
    const [resource, subresource = ''] = whole.split('/');
    const resourceAttributes = { namespace: place, group, resource, subresource, verb, name };
    const spec = { user: account(user), groups, resourceAttributes };
    return { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec };
  });
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  const answers = mustKubectl(['create', '-f', '-', '-o', 'jsonpath={.status.allowed}{"\\n"}'], list);
  const isAllowed = answers.trim().split('\n');
  expect(isAllowed).toHaveLength(asked.length);
  return asked.filter((_, index) => isAllowed[index] === 'true').map(lineOf);
}

const granted = grantedByRole();
const grantsOfRoles = (...roles: string[]) => roles.flatMap((role) => granted[role]!);

function install(set: readonly string[]): void {
  const roles = renderHelm({ helm: helmOfSuite(), namespace, set }).filter(({ kind }) =>
    ['Role', 'RoleBinding', 'ServiceAccount', 'ConfigMap', 'CustomResourceDefinition'].includes(kind),
  );
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: roles });
  mustKubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], list);
}

beforeAll(() => {
  for (const name of [namespace, elsewhere]) mustKubectl(['create', 'namespace', name]);
  install([]);
});

describe('the account of the gateway', () => {
  const asked = () =>
    servedResources().flatMap(({ group, resource }) =>
      verbs.map((verb) => ({ group, resource, verb, name: '' })),
    );

  it('may do what its Roles say', () => {
    const all = grantsOfRoles('own', 'models');
    expect(allowedOf('pilotlight', namespace, all)).toEqual(all.map(lineOf));
  });

  it('may do nothing else: of all that is served, no more than an account without any Role', () => {
    const everything = asked();
    const unnamed = grantsOfRoles('own', 'models').filter(({ name }) => name === '');
    const bare = new Set(allowedOf('nobody', namespace, everything));
    const more = allowedOf('pilotlight', namespace, everything).filter((line) => !bare.has(line));
    expect(everything.length).toBeGreaterThan(500);
    expect(more.toSorted()).toEqual(unnamed.map(lineOf).toSorted());
  }, 120_000);

  it('may do nothing in another namespace, and nothing in the cluster as a whole', () => {
    const everything = asked();
    for (const place of [elsewhere, '']) {
      const bare = allowedOf('nobody', place, everything);
      expect(allowedOf('pilotlight', place, everything), place).toEqual(bare);
    }
  }, 120_000);

  it('may touch one Lease and one ConfigMap, and no other by another name', () => {
    const others = grantsOfRoles('own').filter(({ name }) => name !== '');
    const renamed = others
      .map((grant) => ({ ...grant, name: 'pilotlight' }))
      .filter((grant) => grant.resource !== 'leases');
    const strangers = others.map((grant) => ({ ...grant, name: 'stranger' }));
    expect(allowedOf('pilotlight', namespace, [...renamed, ...strangers])).toEqual([]);
  });

  it.each(['deletion-cost', 'pod-logs', 'keda', 'kserve', 'knative', 'leaderworkerset'])(
    'may do what the optional Role %s allows only when that is there',
    (role) => {
      const key = {
        'deletion-cost': 'deletionCost',
        'pod-logs': 'podLogs',
        leaderworkerset: 'leaderWorkerSet',
      }[role];
      const grants = grantsOfRoles(role);
      expect(allowedOf('pilotlight', namespace, grants)).toEqual([]);
      install([`rbac.${key ?? role}=true`]);
      expect(allowedOf('pilotlight', namespace, grants)).toEqual(grants.map(lineOf));
      mustKubectl(['-n', namespace, 'delete', 'rolebinding', `pilotlight-${role}`]);
      expect(allowedOf('pilotlight', namespace, grants)).toEqual([]);
    },
  );
});

describe('calls under these Roles', () => {
  const run = (...args: string[]) => kubectl(['-n', namespace, ...as('pilotlight'), ...args]);
  const forbidden = { status: 1, stderr: expect.stringContaining('(Forbidden)') as string };

  beforeAll(() => {
    mustKubectl(['-n', namespace, 'create', 'deployment', 'target', '--image=x', '--replicas=0']);
    mustKubectl(['-n', namespace, 'create', 'secret', 'generic', 'pilotlight', '--from-literal=api-key=k']);
  });

  it('change the count by the scale subresource, and nothing else of a workload', () => {
    const counts = (replicas: number) => ['--type=merge', '-p', JSON.stringify({ spec: { replicas } })];
    const scaled = run('patch', 'deployment', 'target', '--subresource=scale', ...counts(1));
    expect(scaled).toMatchObject({ status: 0 });
    const count = ['-n', namespace, 'get', 'deployment', 'target', '-o', 'jsonpath={.spec.replicas}'];
    expect(mustKubectl(count)).toBe('1');
    expect(run('patch', 'deployment', 'target', ...counts(2))).toMatchObject(forbidden);
    expect(run('delete', 'deployment', 'target')).toMatchObject(forbidden);
  });

  it('read no secret, not even their own, and nothing of another namespace', () => {
    expect(run('get', 'secret', 'pilotlight')).toMatchObject(forbidden);
    expect(run('get', 'secrets')).toMatchObject(forbidden);
    expect(run('get', 'pods')).toMatchObject({ status: 0 });
    expect(run('get', 'pods', '-n', elsewhere)).toMatchObject(forbidden);
    expect(run('get', 'pods', '--all-namespaces')).toMatchObject(forbidden);
  });

  it('write what was learned, and not the configuration beside it', () => {
    const patch = (name: string) =>
      run('patch', 'configmap', name, '--type=merge', '-p', '{"data":{"a":"b"}}');
    expect(patch('pilotlight-starts')).toMatchObject({ status: 0 });
    expect(patch('pilotlight')).toMatchObject(forbidden);
  });
});
