import { spawnSync } from 'node:child_process';

/** How a call by kubectl ended. */
export interface KubectlResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Calls kubectl as the administrator of the suite's cluster, or as who `--as` says; `input` goes to its stdin. */
export function kubectl(args: readonly string[], input = ''): KubectlResult {
  const { status, stdout, stderr } = spawnSync(kubeboxOfSuite(), ['kubectl', ...args], {
    encoding: 'utf8',
    input,
    maxBuffer: 2 ** 26,
  });
  return { status, stdout, stderr };
}

/** The same, where it must succeed: its output. */
export function mustKubectl(args: readonly string[], input = ''): string {
  const { status, stdout, stderr } = kubectl(args, input);
  if (status !== 0) throw new Error(`kubectl ${args.join(' ')}: status ${status}\n${stderr}`);
  return stdout;
}

/** Whether the suite's cluster is there. */
export const hasSuite = process.env.KUBEBOX !== undefined;

/** The binary of the control plane, which holds kubectl. */
export function kubeboxOfSuite(): string {
  return fromSuite('KUBEBOX');
}

/** Helm, as the suite built it. */
export function helmOfSuite(): string {
  return fromSuite('HELM');
}

function fromSuite(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: run npm run test:cluster`);
  return value;
}
