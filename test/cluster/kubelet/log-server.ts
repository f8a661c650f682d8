import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type KubeApi, KubeError } from '../../../src/kube/api.ts';
import { nodeAddress } from '../control-plane/credentials.ts';
import type { PodObject } from './pod-object.ts';
import { scriptOf } from './script.ts';

interface ContainerStatus {
  readonly name: string;
  readonly restartCount: number;
  readonly state: Readonly<Record<string, object>>;
  readonly lastState: Readonly<Record<string, object>>;
}

type Pod = PodObject & { readonly status?: { readonly containerStatuses?: readonly ContainerStatus[] } };

/** What is answered: a log, or why there is none. */
interface Answer {
  readonly status: number;
  readonly text: string;
}

/** A key and a certificate that nobody vouches for, as kubelets have by default. */
function selfSigned(): string {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', '-'];
  const args = ['req', '-x509', ...key, '-out', '-', '-days', '30', '-subj', '/CN=kubelet'];
  return execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

/** The port of a kubelet on which the API server asks for logs (`/containerLogs/NAMESPACE/POD/CONTAINER`). */
export class LogServer {
  readonly #api: KubeApi;
  readonly #server: Server;

  private constructor(api: KubeApi) {
    this.#api = api;
    const pem = selfSigned();
    this.#server = createServer({ key: pem, cert: pem }, (req, res) => void this.#serve(req, res));
  }

  /** Listens on a free port of the node's address. */
  static async start(api: KubeApi): Promise<LogServer> {
    const logs = new LogServer(api);
    logs.#server.listen(0, nodeAddress);
    await once(logs.#server, 'listening');
    return logs;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Cuts what is open. */
  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const url = new URL(req.url!, 'https://kubelet');
    const { status, text } = await this.#answer(url).catch((error: unknown) => ({
      status: error instanceof KubeError ? error.status || 500 : 500,
      text: String(error),
    }));
    res.writeHead(status, { 'content-type': 'text/plain' }).end(text);
  }

  async #answer({ pathname, searchParams }: URL): Promise<Answer> {
    const [, root, namespace, name, container] = pathname.split('/');
    if (root !== 'containerLogs') return { status: 404, text: 'not played\n' };
    const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
    const pod = await this.#api.call<Pod>({ method: 'GET', path, signal: new AbortController().signal });
    const status = pod.status?.containerStatuses?.find((one) => one.name === container);
    const run = status && runOf(status, searchParams.get('previous') === 'true');
    if (run === undefined) {
      const which = searchParams.has('previous') ? 'previous terminated container' : 'container';
      return { status: 400, text: `${which} "${container}" in pod "${name}" not found` };
    }
    const lines = [`Loading weights, run ${run.number}`];
    if (run.hasEnded) lines.push(...scriptOf(pod).log.replaceAll('{run}', `${run.number}`).split('\n'));
    const tail = lines.slice(-Number(searchParams.get('tailLines') ?? lines.length));
    const text = `${tail.join('\n')}\n`;
    return { status: 200, text: text.slice(0, Number(searchParams.get('limitBytes') ?? text.length)) };
  }
}

/** Whose log it is, as the kubelet decides it (validateContainerLogStatus); undefined: there is none. */
function runOf(
  { restartCount, state, lastState }: ContainerStatus,
  isPrevious: boolean,
): { readonly number: number; readonly hasEnded: boolean } | undefined {
  // While it waits, the last state is already how the current run ended.
  const last = restartCount + ('waiting' in state ? 1 : 0);
  const previous = 'terminated' in lastState ? { number: last, hasEnded: true } : undefined;
  if (isPrevious) return previous;
  if ('running' in state) return { number: restartCount + 1, hasEnded: false };
  return 'terminated' in state ? { number: restartCount + 1, hasEnded: true } : previous;
}
