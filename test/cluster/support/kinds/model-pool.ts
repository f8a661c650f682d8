import type { OtherKind } from '../other-kinds.ts';
import type { Manifest } from './hands.ts';
import { playController } from './played-controller.ts';

/** A kind of nobody's: its count is called `size`, and its selector stands in its status. */
export const modelPool: OtherKind = {
  group: 'example.com',
  version: 'v1alpha1',
  kind: 'ModelPool',
  plural: 'modelpools',
  scale: {
    specReplicasPath: '.spec.size',
    statusReplicasPath: '.status.size',
    labelSelectorPath: '.status.selector',
  },
};

interface ModelPool extends Manifest {
  readonly spec: { readonly size: number; readonly template: { readonly spec: object } };
}

/** Plays its controller in a namespace: pods NAME-xxxxx with the label pool=NAME. Returns what ends it. */
export function playModelPools(namespace: string): Promise<() => Promise<void>> {
  const path = `/apis/example.com/v1alpha1/namespaces/${namespace}/modelpools`;
  const pods = `/api/v1/namespaces/${namespace}/pods`;
  return playController([path, pods], async (hands) => {
    for (const pool of (await hands.list(path)) as readonly ModelPool[]) {
      const { name } = pool.metadata;
      const { size, template } = pool.spec;
      const all = (await hands.list(pods)).filter(({ metadata }) => metadata.labels?.pool === name);
      const staying = all.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
      const metadata = { generateName: `${name}-`, labels: { pool: name } };
      for (let count = staying.length; count < size; count++)
        await hands.create(pods, { metadata, spec: template.spec });
      for (const pod of staying.slice(size)) await hands.remove(`${pods}/${pod.metadata.name}`);
      if (pool.status?.size !== all.length || pool.status.selector !== `pool=${name}`)
        await hands.setStatus(`${path}/${name}`, { size: all.length, selector: `pool=${name}` });
    }
  });
}
