import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { portNumber, urlOf } from './container.ts';
import type { ContainerSpec, HttpGetSpec, ProbeSpec } from './pod-object.ts';

/** Probes a container once; null, or why it failed in the kubelet's words. Rejects with the signal's reason. */
export async function probeFailure(
  probe: ProbeSpec,
  { container, address }: { readonly container: ContainerSpec; readonly address: string },
  signal: AbortSignal,
): Promise<string | null> {
  const timeout = AbortSignal.timeout((probe.timeoutSeconds ?? 1) * 1_000);
  const within = AbortSignal.any([signal, timeout]);
  const { tcpSocket, httpGet = { path: '/health', port: '' } as HttpGetSpec } = probe;
  const port = portNumber(tcpSocket?.port, container);
  const url = urlOf(httpGet, container, address);
  try {
    if (tcpSocket !== undefined) return await tcpFailure(address, port, within);
    const status = await httpStatus(url, within, httpGet.httpHeaders);
    return status < 400 ? null : `HTTP probe failed with statuscode: ${status}`;
  } catch (error) {
    signal.throwIfAborted();
    const { code } = error as NodeJS.ErrnoException;
    const words = code === 'ECONNREFUSED' ? 'connect: connection refused' : String(error);
    if (tcpSocket !== undefined)
      return `dial tcp ${address}:${port}: ${timeout.aborted ? 'i/o timeout' : words}`;
    return `Get "${url}": ${timeout.aborted ? 'context deadline exceeded' : `dial tcp: ${words}`}`;
  }
}

/** The status that a GET is answered with, on a connection of its own. Rejects where there is none. */
export async function httpStatus(
  url: string,
  signal: AbortSignal,
  fields: HttpGetSpec['httpHeaders'] = [],
): Promise<number> {
  const own = Object.fromEntries(fields.map(({ name, value }) => [name, value]));
  const asked = request(url, { agent: false, signal, headers: { 'user-agent': 'kube-probe/1.36', ...own } });
  asked.end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  answer.resume();
  await once(answer, 'end');
  return answer.statusCode ?? 0;
}

async function tcpFailure(host: string, port: number, signal: AbortSignal): Promise<null> {
  const socket = connect({ host, port, signal });
  await once(socket, 'connect');
  socket.destroy();
  return null;
}
