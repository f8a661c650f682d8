import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { answerTo, questionOf } from './dns-message.ts';
import type { ServiceTable } from './service-table.ts';

/** Out of the part of the Services' range that the API server gives nobody unasked. */
export const dnsAddress = '198.19.128.10';
const dnsPort = 53;

/**
 * Plays the cluster's DNS: A records of `NAME.NAMESPACE.svc.cluster.local`, the ClusterIP or, for a headless Service,
 * its pods' addresses. Resolves when it listens.
 */
export async function startClusterDns(table: ServiceTable): Promise<void> {
  const socket = createSocket('udp4');
  socket.on('message', (query, peer) => {
    const question = questionOf(query);
    if (question === null) return;
    const answer = answerTo(query, question, addressesOf(question.name, table));
    socket.send(answer, peer.port, peer.address);
  });
  socket.bind(dnsPort, dnsAddress);
  await once(socket, 'listening');
}

/** null: no Service has that name. */
function addressesOf(name: string, table: ServiceTable): string[] | null {
  const [, serviceName, namespace] = /^([^.]+)\.([^.]+)\.svc\.cluster\.local$/.exec(name) ?? [];
  if (serviceName === undefined || namespace === undefined) return null;
  const service = table.service(namespace, serviceName);
  if (service === undefined) return null;
  if (service.clusterIP !== 'None') return [service.clusterIP];
  const portName = service.ports[0]?.name ?? '';
  return table.endpointsOf(service, portName).map(({ host }) => host);
}
