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

type Named = Pick<Kept, 'namespace' | 'name'>;

/** The name of a Service as a key. */
export const serviceKey = ({ namespace, name }: Named): string => `${namespace}/${name}`;

/** All Services of the cluster and where they lead. Emits `change` after each change of one of them, or of its slices. */
export class ServiceTable extends EventEmitter<{ change: [service: Named] }> {
  readonly #services: Mirror<ServiceEntry>;
  readonly #slices: Mirror<SliceView>;
  /** By the key of the Service, then by the slice's uid. */
  readonly #slicesByService = new Map<string, Map<string, SliceView>>();

  private constructor(mirrors: Mirrors) {
    super();
    this.#services = mirrors.use({ path: '/api/v1/services', project: serviceOf }).mirror;
    this.#slices = mirrors.use({
      path: '/apis/discovery.k8s.io/v1/endpointslices',
      project: projectSlice,
    }).mirror;
    const changed = (service: Named) => this.emit('change', service);
    this.#services.listen({ onSet: changed, onDelete: changed });
    this.#slices.listen({ onSet: (slice) => this.#take(slice), onDelete: (slice) => this.#drop(slice) });
  }

  /** Resolves when all of them are known. */
  static async open(mirrors: Mirrors): Promise<ServiceTable> {
    const table = new ServiceTable(mirrors);
    const { signal } = new AbortController();
    await Promise.all([table.#services.synced(10_000, signal), table.#slices.synced(10_000, signal)]);
    for (const slice of table.#slices.list()) table.#take(slice);
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
  endpointsOf(service: Named, portName: string): { host: string; port: number }[] {
    const slices = this.#slicesByService.get(serviceKey(service))?.values() ?? [];
    const all = [...slices].flatMap(({ endpoints, ports }) => {
      const port = ports.get(portName);
      return port === undefined ? [] : endpoints.map((endpoint) => ({ endpoint, port }));
    });
    const ready = all.filter(({ endpoint }) => endpoint.isReady);
    const used = ready.length > 0 ? ready : all.filter(({ endpoint }) => endpoint.isServing);
    return used.map(({ endpoint, port }) => ({ host: endpoint.addresses[0]!, port }));
  }

  #take(slice: SliceView): void {
    const service = { namespace: slice.namespace, name: slice.service };
    const key = serviceKey(service);
    const slices = this.#slicesByService.get(key) ?? new Map<string, SliceView>();
    this.#slicesByService.set(key, slices.set(slice.uid, slice));
    this.emit('change', service);
  }

  #drop({ namespace, service: name, uid }: SliceView): void {
    const key = serviceKey({ namespace, name });
    const slices = this.#slicesByService.get(key);
    slices?.delete(uid);
    if (slices?.size === 0) this.#slicesByService.delete(key);
    this.emit('change', { namespace, name });
  }
}
