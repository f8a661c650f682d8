import { helmOfSuite, mustKubectl } from './kubectl.ts';
import { renderHelm } from './rendering.ts';

const kinds = ['Role', 'RoleBinding', 'ServiceAccount', 'ConfigMap', 'CustomResourceDefinition'];

/** Applies of the chart what a gateway needs that runs outside of the cluster: its account, Roles, ConfigMaps and kind. */
export function installRoles(namespace: string, set: readonly string[] = []): void {
  const items = renderHelm({ helm: helmOfSuite(), namespace, set }).filter(({ kind }) =>
    kinds.includes(kind),
  );
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  mustKubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], list);
  mustKubectl(['wait', '--for=condition=Established', 'crd/models.pilotlight.dev']);
}
