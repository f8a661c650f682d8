import { execFileSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { stringify } from 'yaml';
import { type Manifest, manifestsOf } from '../../packaging/deploy-files.ts';

/** A rendering of the kustomization of a folder under deploy/kustomize, moved to a namespace. */
export interface KustomizeOptions {
  /** The binary with kubectl in it. */
  readonly kubebox: string;
  readonly folder: string;
  /** Absent: as the kustomization says. */
  readonly namespace?: string;
}

/** What a rendering by Helm is made with. */
export interface HelmOptions {
  readonly helm: string;
  readonly namespace: string;
  /** `KEY=VALUE` of --set. */
  readonly set?: readonly string[];
}

/** A Helm that was built from its module does not know which cluster it is for. */
const kubeVersion = '1.36.3';

/** The objects, as `kubectl kustomize` prints them. */
export function renderKustomize({ kubebox, folder, namespace }: KustomizeOptions): Manifest[] {
  const target = resolve('deploy/kustomize', folder);
  if (namespace === undefined) return manifestsOf(output(kubebox, ['kubectl', 'kustomize', target]));
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'pilotlight-kustomize-')));
  try {
    const overlay = { kind: 'Kustomization', namespace, resources: [relative(dir, target)] };
    writeFileSync(join(dir, 'kustomization.yaml'), stringify(overlay));
    return manifestsOf(output(kubebox, ['kubectl', 'kustomize', dir]));
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** The objects of the chart as release `pilotlight`, with the kind Model. */
export function renderHelm({ helm, namespace, set = [] }: HelmOptions): Manifest[] {
  const values = set.flatMap((pair) => ['--set', pair]);
  const args = ['template', 'pilotlight', 'deploy/helm/pilotlight', '--namespace', namespace];
  return manifestsOf(output(helm, [...args, '--include-crds', '--kube-version', kubeVersion, ...values]));
}

function output(file: string, args: readonly string[]): string {
  return execFileSync(file, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 2 ** 24,
  });
}
