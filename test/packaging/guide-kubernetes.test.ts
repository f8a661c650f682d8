import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { modelFromAnnotations, modelFromObject } from '../../src/config/found-model.ts';
import { grantedByRole, type Manifest, manifestsIn, manifestsOf, onlyOf } from './deploy-files.ts';

const guide = readFileSync('docs/kubernetes.md', 'utf8');
const manifests = [...guide.matchAll(/```yaml kubernetes\n([\s\S]*?)```/g)].flatMap(([, text]) =>
  manifestsOf(text!),
);

interface Workload extends Manifest {
  readonly metadata: Manifest['metadata'] & { readonly annotations: Readonly<Record<string, string>> };
  readonly spec: {
    template: {
      spec: {
        terminationGracePeriodSeconds: number;
        containers: { args: string[]; lifecycle: { preStop: { sleep: { seconds: number } } } }[];
      };
    };
  };
}

describe('the guide to Kubernetes', () => {
  it('shows a workload whose annotations make a model, as many at once as its server takes', () => {
    const { metadata, apiVersion, kind, spec } = onlyOf(manifests, 'Deployment') as Workload;
    const { name, namespace = '', annotations } = metadata;
    const reading = modelFromAnnotations({ annotations, apiVersion, kind, name, namespace });
    if ('faults' in reading) throw new Error(JSON.stringify(reading.faults));
    const { args } = spec.template.spec.containers[0]!;
    expect(args[args.indexOf('--max-num-seqs') + 1]).toBe(String(reading.settings.revision.concurrency));
    expect(args[args.indexOf('--served-model-name') + 1]).toBe(reading.settings.name);
  });

  it('leaves the count of that workload to the gateway', () => {
    expect(onlyOf(manifests, 'Deployment').spec).not.toHaveProperty('replicas');
  });

  it('gives its pods preStop, the time of their drain and ten seconds to end', () => {
    const { containers, terminationGracePeriodSeconds } = (onlyOf(manifests, 'Deployment') as Workload).spec
      .template.spec;
    const { args, lifecycle } = containers[0]!;
    const drainSeconds = Number(args[args.indexOf('--shutdown-timeout') + 1]);
    expect(terminationGracePeriodSeconds).toBe(lifecycle.preStop.sleep.seconds + drainSeconds + 10);
  });

  it('shows a Model that is taken, in a version that there is', () => {
    const model = onlyOf(manifests, 'Model');
    const { name, namespace = '' } = model.metadata;
    const reading = modelFromObject({ name, namespace, spec: model.spec });
    expect('faults' in reading ? reading.faults : []).toEqual([]);
    const definition = onlyOf(manifestsIn('crd/models.pilotlight.dev.yaml'), 'CustomResourceDefinition');
    const { versions } = definition.spec as { versions: { name: string }[] };
    expect(versions.map((version) => `pilotlight.dev/${version.name}`)).toContain(model.apiVersion);
  });

  it('names every annotation that there is, and no other', () => {
    const list = /2\. By annotations[\s\S]*?\.\s/.exec(guide)![0].replace('`pilotlight.dev/`', '');
    const named = [...list.matchAll(/`([a-z-]+)`/g)]
      .map(([, name]) => name!)
      .filter((name) => name !== 'model');
    const faultsWith = (annotation: string) => {
      const annotations = { 'pilotlight.dev/model': 'm', [`pilotlight.dev/${annotation}`]: 'x!' };
      const workload = { annotations, apiVersion: 'apps/v1', kind: 'Deployment', name: 'd', namespace: 'n' };
      const reading = modelFromAnnotations(workload);
      return 'faults' in reading ? reading.faults.map(({ message }) => message).join() : '';
    };
    expect(named.length).toBeGreaterThan(10);
    for (const name of named) expect(faultsWith(name), name).not.toContain('not a known annotation');
    expect(faultsWith('modle')).toContain('not a known annotation');
  });

  it('tells of every verb that a Role grants', () => {
    const section = guide.slice(guide.indexOf('## What it may do'));
    const plain = section.replaceAll('`', '');
    for (const [role, grants] of Object.entries(grantedByRole())) {
      const name = role === 'own' ? '| pilotlight |' : `-${role}`;
      expect(plain, role).toContain(name);
      if (role !== 'own' && role !== 'models') continue;
      for (const { resource } of grants)
        expect(plain, resource).toContain(resource.replace(/^\w+\/scale$/, 'scale'));
    }
  });
});
