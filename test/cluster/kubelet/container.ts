import type { ContainerSpec, ProbeSpec } from './pod-object.ts';

const defaultPort = 8000;

/** The port on which a played container listens: the first that it declares, else 8000. */
export const listenPort = (container: ContainerSpec): number =>
  container.ports?.[0]?.containerPort ?? defaultPort;

/** The URL that a probe asks for; probes by exec are played as HTTP ones of `/health`. */
export function probeUrl(probe: ProbeSpec, container: ContainerSpec, address: string): string {
  const { path = '/health', port } = probe.httpGet ?? {};
  const named = container.ports?.find(({ name }) => name === port)?.containerPort;
  return `http://${address}:${named ?? (Number(port) || listenPort(container))}${path}`;
}

/** Probes once: null, or why it failed in the kubelet's words. Rejects with the signal's reason. */
export async function probeFailure(url: string, signal: AbortSignal): Promise<string | null> {
  try {
    const answer = await fetch(url, { signal });
    await answer.body?.cancel();
    return answer.status < 400 ? null : `HTTP probe failed with statuscode: ${answer.status}`;
  } catch (error) {
    signal.throwIfAborted();
    return `Get "${url}": ${String((error as Error).cause ?? error)}`;
  }
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
