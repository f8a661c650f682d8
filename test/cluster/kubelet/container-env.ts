import { nodeAddress } from '../control-plane/credentials.ts';
import type { ContainerSpec, PodObject } from './pod-object.ts';

/** The environment of a container: values, and fields of its pod (`metadata.name`, `status.podIP`, ...). */
export function envOf(container: ContainerSpec, pod: PodObject, address: string): Record<string, string> {
  const { name, namespace, uid } = pod.metadata;
  const fields: Readonly<Record<string, string>> = {
    'metadata.name': name,
    'metadata.namespace': namespace,
    'metadata.uid': uid,
    'status.podIP': address,
    'status.hostIP': nodeAddress,
  };
  const env: Record<string, string> = {};
  for (const { name: variable, value = '', valueFrom } of container.env ?? []) {
    const path = valueFrom?.fieldRef?.fieldPath;
    if (path === undefined) env[variable] = value;
    else if (path in fields) env[variable] = fields[path]!;
    else throw new Error(`env ${variable}: the field ${path} is not played`);
  }
  return env;
}
