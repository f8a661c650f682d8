import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { PlayedKubelet } from '../kubelet/played-kubelet.ts';
import type { ControlPlane } from './control-plane.ts';

/**
 * What tests may do to the cluster, over HTTP since they run in other processes: POST `/apiserver/kill`,
 * `/apiserver/start`, `/etcd/compact`, `/nodes/NAME/kill`, `/nodes/NAME/start`. It answers when it is done; 500 with the reason.
 */
export async function startControls(
  plane: ControlPlane,
  nodes: ReadonlyMap<string, PlayedKubelet>,
): Promise<{ url: string }> {
  const actions = new Map<string, () => Promise<unknown>>([
    ['/apiserver/kill', () => plane.killApiserver()],
    ['/apiserver/start', () => plane.startApiserver()],
    ['/etcd/compact', () => plane.compactEtcd()],
  ]);
  for (const [name, node] of nodes) {
    actions.set(`/nodes/${name}/kill`, () => node.stop());
    actions.set(`/nodes/${name}/start`, () => node.start());
  }
  const server = createServer(async (request, response) => {
    try {
      const action = actions.get(request.url ?? '');
      if (action === undefined) throw new Error(`no control ${request.url}`);
      response.end(JSON.stringify((await action()) ?? null));
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
