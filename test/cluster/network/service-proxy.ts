import { connect, createServer, type Server, type Socket } from 'node:net';
import type { ServiceEntry, ServiceTable } from './service-table.ts';

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
  /** By `ADDRESS:PORT`. */
  readonly #serverByAddress = new Map<string, Server>();
  #turn = 0;

  /** `table`: the Services, whose addresses are local to this network namespace. */
  constructor(table: ServiceTable) {
    this.#table = table;
    table.on('change', () => this.#follow());
    this.#follow();
  }

  #follow(): void {
    const wanted = new Map<string, { service: ServiceEntry; port: ServiceEntry['ports'][number] }>();
    for (const service of this.#table.services()) {
      if (service.clusterIP === 'None') continue;
      for (const port of service.ports) {
        const isServed = this.#table.endpointsOf(service, port.name).length > 0;
        if (isServed) wanted.set(`${service.clusterIP}:${port.port}`, { service, port });
      }
    }
    for (const [address, server] of this.#serverByAddress) {
      if (wanted.has(address)) continue;
      this.#serverByAddress.delete(address);
      server.close();
    }
    for (const [address, { service, port }] of wanted) {
      if (this.#serverByAddress.has(address)) continue;
      const server = createServer({ allowHalfOpen: true }, (client) => {
        this.#forward(client, this.#table.endpointsOf(service, port.name));
      });
      server.on('error', (error) => console.error(`service proxy, ${service.name}: ${error.message}`));
      server.listen(port.port, service.clusterIP);
      this.#serverByAddress.set(address, server);
    }
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
