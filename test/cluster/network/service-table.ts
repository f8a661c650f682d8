import { EventEmitter } from 'node:events';
import { projectSlice, type SliceView } from '../../../src/drivers/kubernetes/endpoint-slices.ts';
import type { Kept, Mirror, Mirrors } from '../../../src/kube/mirror.ts';

/** Of a Service what its proxy and its names need. */
export interface ServiceEntry extends Kept {
  /** `None`: it is headless. */
  readonly clusterIP: string;
  /** Of TCP. */
  readonly ports: readonly { readonly name: string; readonly port: number }[];
}

interface ServiceObject {
  readonly metadata: { uid: string; namespace: string; name: string; resourceVersion: string };
  readonly spec: {
    readonly clusterIP?: string;
    readonly ports?: readonly { name?: string; port: number; protocol?: string }[];
  };
}

function serviceOf(object: unknown): ServiceEntry | null {
  const { metadata, spec } = object as ServiceObject;
  if (!spec.clusterIP) return null;
  const { uid, namespace, name, resourceVersion } = metadata;
  const ports = (spec.ports ?? [])
    .filter(({ protocol = 'TCP' }) => protocol === 'TCP')
    .map(({ name: portName = '', port }) => ({ name: portName, port }));
  return { uid, namespace, name, resourceVersion, clusterIP: spec.clusterIP, ports };
}

/** All Services of the cluster and where they lead. Emits `change` after each change of one of them. */
export class ServiceTable extends EventEmitter<{ change: [] }> {
  readonly #services: Mirror<ServiceEntry>;
  readonly #slices: Mirror<SliceView>;

  private constructor(mirrors: Mirrors) {
    super();
    this.#services = mirrors.use({ path: '/api/v1/services', project: serviceOf }).mirror;
    this.#slices = mirrors.use({
      path: '/apis/discovery.k8s.io/v1/endpointslices',
      project: projectSlice,
    }).mirror;
    const changed = () => this.emit('change');
    for (const mirror of [this.#services, this.#slices]) mirror.listen({ onSet: changed, onDelete: changed });
  }

  /** Resolves when all of them are known. */
  static async open(mirrors: Mirrors): Promise<ServiceTable> {
    const table = new ServiceTable(mirrors);
    const { signal } = new AbortController();
    await Promise.all([table.#services.synced(10_000, signal), table.#slices.synced(10_000, signal)]);
    return table;
  }

  services(): Iterable<ServiceEntry> {
    return this.#services.list();
  }

  service(namespace: string, name: string): ServiceEntry | undefined {
    return this.#services.get(namespace, name);
  }

  /**
   * The addresses, with their ports, that a port of a Service leads to: those that are ready or, where none is, those
   * that serve while they terminate, as kube-proxy chooses (KEP-1669).
   */
  endpointsOf({ namespace, name }: Kept, portName: string): { host: string; port: number }[] {
    const all = [...this.#slices.list()]
      .filter((slice) => slice.namespace === namespace && slice.service === name)
      .flatMap(({ endpoints, ports }) => {
        const port = ports.get(portName);
        return port === undefined ? [] : endpoints.map((endpoint) => ({ endpoint, port }));
      });
    const ready = all.filter(({ endpoint }) => endpoint.isReady);
    const used = ready.length > 0 ? ready : all.filter(({ endpoint }) => endpoint.isServing);
    return used.map(({ endpoint, port }) => ({ host: endpoint.addresses[0]!, port }));
  }
}
