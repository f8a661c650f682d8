/** An HTTP or TCP probe; exec ones are taken to succeed once the container answers. */
export interface ProbeSpec {
  readonly httpGet?: { readonly path?: string; readonly port: number | string };
  readonly exec?: object;
  readonly periodSeconds?: number;
  readonly failureThreshold?: number;
}

/** The part of a container's spec that is played. */
export interface ContainerSpec {
  readonly name: string;
  readonly image: string;
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
  readonly readinessProbe?: ProbeSpec;
  readonly startupProbe?: ProbeSpec;
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
