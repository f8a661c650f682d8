import { randomBytes } from 'node:crypto';
import { mustKubectl } from './kubectl.ts';

/** A Deployment with a Service of its name, as `deployment` makes them. */
export interface DeploymentOptions {
  readonly name: string;
  /** Default 0. */
  readonly replicas?: number;
  /** GPUs of each pod; default 1. */
  readonly gpus?: number;
  /** How its pods are played: annotations below `played.pilotlight.dev/`, see kubelet/script.ts. */
  readonly script?: Readonly<Record<string, string | number>>;
  /** Added to the pod's spec. */
  readonly pod?: Readonly<Record<string, unknown>>;
  /** Added to the container. */
  readonly container?: Readonly<Record<string, unknown>>;
}

/** The port on which played containers listen. */
export const containerPort = 8000;

/** The manifests of a model server that is played: a Deployment, and a Service that selects its pods. */
export function deployment(options: DeploymentOptions): object[] {
  const { name, replicas = 0, gpus = 1, script = {}, pod = {}, container = {} } = options;
  const played = Object.entries(script).map(([key, value]) => [`played.pilotlight.dev/${key}`, `${value}`]);
  const labels = { app: name };
  const server = {
    name: 'server',
    image: 'registry.example/vllm:v1',
    ports: [{ name: 'http', containerPort }],
    readinessProbe: { httpGet: { path: '/health', port: 'http' }, periodSeconds: 1 },
    resources: { limits: { 'nvidia.com/gpu': gpus } },
    ...container,
  };
  const template = {
    metadata: { labels, annotations: Object.fromEntries(played) },
    spec: { terminationGracePeriodSeconds: 5, containers: [server], ...pod },
  };
  const spec = { replicas, selector: { matchLabels: labels }, template };
  return [
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name },
      spec: { selector: labels, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
    },
  ];
}

/** What a test may do to the cluster that all tests share; see control-plane/controls.ts. */
export type Control =
  | 'apiserver/kill'
  | 'apiserver/start'
  | 'etcd/compact'
  | `nodes/${string}/${'kill' | 'start'}`;

/** Does it; resolves when it is done. Whoever kills the API server or a node starts it again. */
export async function control(action: Control): Promise<unknown> {
  const response = await fetch(`${process.env.CLUSTER_CONTROLS}/${action}`, { method: 'POST' });
  if (!response.ok) throw new Error(`${action}: ${await response.text()}`);
  return await response.json();
}

/** A namespace of Kubernetes for one test. */
export class TestNamespace {
  readonly name: string;

  /** Makes it. */
  constructor() {
    this.name = `t-${randomBytes(4).toString('hex')}`;
    mustKubectl(['create', 'namespace', this.name]);
  }

  /** Applies manifests to it. */
  apply(manifests: readonly object[]): void {
    const list = { apiVersion: 'v1', kind: 'List', items: manifests };
    this.kubectl(['apply', '-f', '-'], JSON.stringify(list));
  }

  /** kubectl in it, which must succeed: its output. */
  kubectl(args: readonly string[], input = ''): string {
    return mustKubectl(['-n', this.name, ...args], input);
  }

  /** The objects of a kind (`pods`, `events`, `endpointslices`). */
  list<T>(kind: string): T[] {
    return (JSON.parse(this.kubectl(['get', kind, '-o', 'json'])) as { items: T[] }).items;
  }

  /** Sets the count of a Deployment. */
  scale(name: string, replicas: number): void {
    this.kubectl(['scale', `deployment/${name}`, `--replicas=${replicas}`]);
  }

  /** Deletes it; does not wait until it is empty. */
  close(): void {
    mustKubectl(['delete', 'namespace', this.name, '--wait=false']);
  }
}
