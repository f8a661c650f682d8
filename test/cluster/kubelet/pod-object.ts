/** What a probe or a hook asks over HTTP. */
export interface HttpGetSpec {
  readonly path?: string;
  readonly port: number | string;
  readonly httpHeaders?: readonly { readonly name: string; readonly value: string }[];
}

/** A variable of a container's environment. */
interface EnvSpec {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly fieldRef?: { readonly fieldPath: string } };
}

/** An HTTP or TCP probe; others are played as an HTTP one of `/health`. */
export interface ProbeSpec {
  readonly httpGet?: HttpGetSpec;
  readonly tcpSocket?: { readonly port: number | string };
  readonly exec?: object;
  readonly periodSeconds?: number;
  readonly timeoutSeconds?: number;
  readonly successThreshold?: number;
  readonly failureThreshold?: number;
}

/** What is done before a container is told to end: `sleep` and `httpGet` are played, `exec` is not. */
export interface PreStopSpec {
  readonly sleep?: { readonly seconds: number };
  readonly httpGet?: HttpGetSpec;
}

/** The part of a container's spec that is played. */
export interface ContainerSpec {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly EnvSpec[];
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
  readonly readinessProbe?: ProbeSpec;
  readonly startupProbe?: ProbeSpec;
  readonly lifecycle?: { readonly preStop?: PreStopSpec };
}

/** The part of a pod that is played, as the API server holds it. */
export interface PodObject {
  readonly metadata: {
    readonly uid: string;
    readonly namespace: string;
    readonly name: string;
    readonly resourceVersion: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
    readonly deletionGracePeriodSeconds?: number;
  };
  readonly spec: {
    readonly nodeName?: string;
    readonly containers: readonly ContainerSpec[];
    readonly initContainers?: readonly ContainerSpec[];
  };
}

/** The path of a pod in the API. */
export const podPath = ({ metadata }: PodObject): string =>
  `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}`;
