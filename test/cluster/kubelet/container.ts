import type { ContainerSpec, HttpGetSpec } from './pod-object.ts';

const defaultPort = 8000;

/** The port on which a played container listens: the first that it declares, else 8000. */
export const listenPort = (container: ContainerSpec): number =>
  container.ports?.[0]?.containerPort ?? defaultPort;

/** A port of a probe or a hook, which may be the name of one of the container's. */
export function portNumber(port: number | string | undefined, container: ContainerSpec): number {
  const named = container.ports?.find(({ name }) => name === port)?.containerPort;
  return named ?? (Number(port) || listenPort(container));
}

/** The URL that a probe or a hook asks for. */
export function urlOf(httpGet: HttpGetSpec, container: ContainerSpec, address: string): string {
  return `http://${address}:${portNumber(httpGet.port, container)}${httpGet.path ?? '/'}`;
}

/** The container as `ended` in its status: out of memory (137), or with a code and a termination message. */
export function terminated(facts: {
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly isOutOfMemory: boolean;
  readonly exitCode: number;
  readonly message: string;
}): Readonly<Record<string, unknown>> {
  const { startedAt, finishedAt, isOutOfMemory, exitCode, message } = facts;
  const times = { startedAt, finishedAt, containerID: 'containerd://played' };
  if (isOutOfMemory) return { ...times, exitCode: 137, reason: 'OOMKilled' };
  const reason = exitCode === 0 ? 'Completed' : 'Error';
  return { ...times, exitCode, reason, ...(message === '' ? {} : { message }) };
}
