import { globSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { parseConfig } from '../../src/config/load.ts';
import { warningsOf } from '../../src/config/warnings.ts';
import {
  componentByKey,
  grantedByRole,
  type Manifest,
  manifestsIn,
  onlyOf,
  type Rule,
} from './deploy-files.ts';
import { stepsOf } from './dockerfile.ts';

const selector = { 'app.kubernetes.io/name': 'pilotlight', 'app.kubernetes.io/instance': 'pilotlight' };
const version = (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version;
const base = globSync('*.yaml', { cwd: 'deploy/kustomize/base' })
  .filter((file) => !['kustomization.yaml', 'pilotlight.yaml'].includes(file))
  .flatMap((file) => manifestsIn(`kustomize/base/${file}`));
const values = parseYaml(readFileSync('deploy/helm/pilotlight/values.yaml', 'utf8')) as {
  config: object;
  rbac: object;
};

const configText = readFileSync('deploy/kustomize/base/pilotlight.yaml', 'utf8');
const settingsOf = (text: string) =>
  parseConfig(text, {
    file: '/etc/pilotlight/pilotlight.yaml',
    env: { PILOTLIGHT_API_KEY: 'k', PILOTLIGHT_ADMIN_TOKEN: 't' },
    readFile: () => '',
  });

interface PodSpec {
  terminationGracePeriodSeconds: number;
  securityContext: object;
  containers: {
    image: string;
    args: string[];
    env: { name: string }[];
    ports: { name: string; containerPort: number }[];
    securityContext: object;
    lifecycle: { preStop: { sleep: { seconds: number } } };
    resources: { limits: { memory: string } };
    volumeMounts: { name: string; mountPath: string }[];
  }[];
  volumes: { name: string; emptyDir?: { sizeLimit: string } }[];
}

const deployment = onlyOf(base, 'Deployment').spec as {
  replicas: number;
  strategy: object;
  selector: { matchLabels: object };
  template: { metadata: { labels: object }; spec: PodSpec };
};
const pod = deployment.template.spec;
const container = pod.containers[0]!;
const bytesOf = (quantity: string) =>
  Number.parseInt(quantity, 10) * (quantity.endsWith('Gi') ? 2 ** 30 : 2 ** 20);

describe('the kustomize base', () => {
  it('gives every object the same labels, and selects the pods by them', () => {
    for (const { kind, metadata } of base) expect(metadata.labels, kind).toEqual(selector);
    expect(deployment.selector.matchLabels).toEqual(selector);
    expect(deployment.template.metadata.labels).toEqual(selector);
    expect(onlyOf(base, 'Service').spec!.selector).toEqual(selector);
    expect(onlyOf(base, 'PodDisruptionBudget').spec!.selector).toEqual({ matchLabels: selector });
    expect(onlyOf(base, 'NetworkPolicy').spec!.podSelector).toEqual({ matchLabels: selector });
  });

  it('has a configuration that is taken, without a warning but that of missing TLS', () => {
    const warnings = warningsOf(settingsOf(configText));
    expect(warnings.filter((warning) => !warning.startsWith('server.tls is not set'))).toEqual([]);
  });

  it('has a configuration that names only variables which the pod has', () => {
    const named = [...configText.matchAll(/\$\{env\.(\w+)\}/g)].map(([, name]) => name);
    expect(container.env.map(({ name }) => name)).toEqual(expect.arrayContaining(named));
  });

  it('gives the pod the ports that the configuration listens on', () => {
    const { listen, admin } = settingsOf(configText).server;
    const portByName = Object.fromEntries(
      container.ports.map(({ name, containerPort }) => [name, containerPort]),
    );
    expect(portByName).toEqual({ http: listen.port, admin: admin.port });
  });

  it('waits for the end of a pod for as long as preStop and the drain take, and ten seconds', () => {
    const preStopSeconds = container.lifecycle.preStop.sleep.seconds;
    const drainSeconds = settingsOf(configText).server.drainMs / 1_000;
    expect(pod.terminationGracePeriodSeconds).toBe(preStopSeconds + drainSeconds + 10);
  });

  it('keeps to the restricted standard for pods, with a root that is read-only', () => {
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  it('runs as the user of the image by number, since a name cannot be told from root', () => {
    expect(stepsOf('').find(({ keyword }) => keyword === 'USER')!.text).toBe('1000:1000');
    expect(pod.securityContext).toMatchObject({ runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000 });
  });

  it('lets the spool be written, with room for all that the configuration allows', () => {
    const { spool } = settingsOf(configText).server;
    const mount = container.volumeMounts.find(({ mountPath }) => mountPath === spool.dir)!;
    const volume = pod.volumes.find(({ name }) => name === mount.name)!;
    expect(bytesOf(volume.emptyDir!.sizeLimit)).toBeGreaterThan(spool.maxBytes);
  });

  it('has memory for held bodies, 200 MB and 15,000 waiting requests of 20 KB', () => {
    const needed = settingsOf(configText).server.heldMemoryBytes + 200e6 + 15_000 * 20e3;
    expect(bytesOf(container.resources.limits.memory)).toBeGreaterThanOrEqual(needed);
  });

  it('requires no pod to be available, in a rollout or when a node is drained', () => {
    expect(deployment.strategy).toMatchObject({
      rollingUpdate: { maxUnavailable: '100%', maxSurge: '100%' },
    });
    expect(onlyOf(base, 'PodDisruptionBudget').spec!.maxUnavailable).toBe(deployment.replicas);
  });

  it('does not offer the admin port by the Service', () => {
    const ports = onlyOf(base, 'Service').spec!.ports as { targetPort: string }[];
    expect(ports.map(({ targetPort }) => targetPort)).toEqual(['http']);
  });

  it('runs the image of this version with the configuration that is mounted', () => {
    expect(container.image).toBe(`pilotlight:${version}`);
    expect(container.args.at(-1)).toBe('/etc/pilotlight/pilotlight.yaml');
    expect(container.volumeMounts.map(({ mountPath }) => mountPath)).toContain('/etc/pilotlight');
  });
});

describe('the Roles', () => {
  const granted = grantedByRole();
  const all = Object.values(granted).flat();

  it('name every resource and verb, without a wildcard', () => {
    expect(all.length).toBeGreaterThan(30);
    for (const grant of all) expect(Object.values(grant)).not.toContain('*');
  });

  it('leave secrets alone', () => {
    expect(all.filter(({ resource }) => /secret|serviceaccounts|exec|token/.test(resource))).toEqual([]);
  });

  it('write nothing but scales, leases, status, events, what was learned, and pods by a Role of its own', () => {
    const writes = (grants: readonly (typeof all)[number][]) => [
      ...new Set(
        grants.filter(({ verb }) => !['get', 'list', 'watch'].includes(verb)).map((g) => g.resource),
      ),
    ];
    expect(writes(granted.own!)).toEqual(['leases', 'configmaps']);
    expect(writes(granted.models!)).toEqual([
      'events',
      'deployments/scale',
      'statefulsets/scale',
      'replicasets/scale',
      'models/status',
    ]);
    expect(writes(granted['deletion-cost']!)).toEqual(['pods']);
    expect(writes(granted.leaderworkerset!)).toEqual(['leaderworkersets/scale']);
    for (const name of ['pod-logs', 'keda', 'kserve', 'knative'])
      expect(writes(granted[name]!), name).toEqual([]);
  });

  it('bind what can be bound to one object, and each is bound to the account of the gateway', () => {
    const { lease } = settingsOf(configText).kubernetes!;
    const named = granted.own!.filter(({ verb }) => verb !== 'create').map(({ name }) => name);
    expect(new Set(named)).toEqual(new Set([lease!.name, onlyOf(base, 'ConfigMap').metadata.name]));
    const account = { kind: 'ServiceAccount', name: onlyOf(base, 'ServiceAccount').metadata.name };
    for (const file of globSync('kustomize/**/role.yaml', { cwd: 'deploy' })) {
      const binding = onlyOf(manifestsIn(file), 'RoleBinding') as Manifest & { roleRef: object };
      expect(binding.subjects).toEqual([account]);
      expect(binding.roleRef).toMatchObject({
        kind: 'Role',
        name: onlyOf(manifestsIn(file), 'Role').metadata.name,
      });
    }
  });
});

describe('the Helm chart', () => {
  it('has the version of the package', () => {
    const chart = parseYaml(readFileSync('deploy/helm/pilotlight/Chart.yaml', 'utf8')) as Record<
      string,
      string
    >;
    expect(chart).toMatchObject({ version, appVersion: version });
  });

  it('has values that its schema takes, and a schema that knows each of them', () => {
    const schema = JSON.parse(readFileSync('deploy/helm/pilotlight/values.schema.json', 'utf8')) as {
      properties: object;
    };
    const validate = new Ajv({ strict: false }).compile(schema);
    expect(validate(values), JSON.stringify(validate.errors)).toBe(true);
    expect(Object.keys(values)).toEqual(
      expect.arrayContaining(Object.keys(schema.properties).filter((k) => k !== 'global')),
    );
    expect(validate({ ...values, replica: 2 })).toBe(false);
    expect(validate({ ...values, rbac: { deletioncost: true } })).toBe(false);
  });

  it('has the configuration of the kustomize base', () => {
    expect(values.config).toEqual(parseYaml(configText));
  });

  it('has the Roles of kustomize', () => {
    const roles = parseYaml(readFileSync('deploy/helm/pilotlight/roles.yaml', 'utf8')) as Record<
      string,
      Rule[]
    >;
    expect(Object.keys(roles).toSorted()).toEqual(['models', ...Object.keys(componentByKey)].toSorted());
    expect(Object.keys(values.rbac)).toEqual(Object.keys(componentByKey));
    for (const [key, rules] of Object.entries(roles)) {
      const folder = key === 'models' ? 'models-namespace' : `components/${componentByKey[key]}`;
      expect(rules, key).toEqual(onlyOf(manifestsIn(`kustomize/${folder}/role.yaml`), 'Role').rules);
    }
  });
});
