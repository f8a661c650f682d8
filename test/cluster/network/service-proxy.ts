import { connect, createServer, type Server, type Socket } from 'node:net';
import { type ServiceEntry, type ServiceTable, serviceKey } from './service-table.ts';

type ServicePort = ServiceEntry['ports'][number];

interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/**
 * Plays kube-proxy: each connection to a ClusterIP's port goes to the next of its endpoints, and stays there until it
 * ends. A port without endpoints refuses connections.
 */
export class ServiceProxy {
  readonly #table: ServiceTable;
  /** Of each Service by its key, by `ADDRESS:PORT`. */
  readonly #serversByService = new Map<string, Map<string, Server>>();
  #turn = 0;

  /** `table`: the Services, whose addresses are local to this network namespace. */
  constructor(table: ServiceTable) {
    this.#table = table;
    table.on('change', ({ namespace, name }) => this.#follow({ namespace, name }));
    for (const { namespace, name } of table.services()) this.#follow({ namespace, name });
  }

  #follow(named: { readonly namespace: string; readonly name: string }): void {
    const key = serviceKey(named);
    const servers = this.#serversByService.get(key) ?? new Map<string, Server>();
    const wanted = this.#servedPorts(this.#table.service(named.namespace, named.name));
    for (const [address, server] of servers) {
      if (wanted.has(address)) continue;
      servers.delete(address);
      server.close();
    }
    for (const [address, { service, port }] of wanted)
      if (!servers.has(address)) servers.set(address, this.#listen(service, port));
    if (servers.size > 0) this.#serversByService.set(key, servers);
    else this.#serversByService.delete(key);
  }

  /** By `ADDRESS:PORT`: those that lead anywhere. */
  #servedPorts(service: ServiceEntry | undefined): Map<string, { service: ServiceEntry; port: ServicePort }> {
    if (service === undefined || service.clusterIP === 'None') return new Map();
    const served = service.ports.filter(({ name }) => this.#table.endpointsOf(service, name).length > 0);
    return new Map(served.map((port) => [`${service.clusterIP}:${port.port}`, { service, port }]));
  }

  #listen(service: ServiceEntry, port: ServicePort): Server {
    const server = createServer({ allowHalfOpen: true }, (client) => {
      this.#forward(client, this.#table.endpointsOf(service, port.name));
    });
    server.on('error', (error) => console.error(`service proxy, ${service.name}: ${error.message}`));
    server.listen(port.port, service.clusterIP);
    return server;
  }

  #forward(client: Socket, endpoints: readonly Endpoint[]): void {
    const first = this.#turn++;
    const inTurn = endpoints.map((_, index) => endpoints[(first + index) % endpoints.length]!);
    client.pause();
    client.on('error', () => client.destroy());
    dial(client, inTurn);
  }
}

/** A user-space proxy has accepted before it connects: one that refuses is passed over, so that none of its refusals is a reset. */
function dial(client: Socket, [endpoint, ...others]: readonly Endpoint[]): void {
  if (endpoint === undefined) {
    client.resetAndDestroy();
    return;
  }
  const backend = connect({ ...endpoint, allowHalfOpen: true, noDelay: true });
  const next = () => {
    backend.destroy();
    dial(client, others);
  };
  backend.once('error', next);
  backend.once('connect', () => {
    backend.off('error', next);
    client.setNoDelay(true);
    join(client, backend);
    join(backend, client);
    client.pipe(backend);
    backend.pipe(client);
  });
}

/** What breaks on one side breaks on the other. */
function join(from: Socket, to: Socket): void {
  from.on('error', () => to.resetAndDestroy());
  from.once('close', (hadError) => {
    if (!hadError && from.readableEnded && from.writableFinished) return;
    to.resetAndDestroy();
  });
}
