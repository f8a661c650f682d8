import type { Kept } from '../../kube/mirror.ts';
import { type Fields, fieldsOf, itemsOf, keptOf, nameOf, textOf, wholeOf } from './pod-fields.ts';

/** One endpoint of a slice. */
export interface EndpointView {
  /** IP addresses, all of the same machine; the first counts (the API server allows no more by now). */
  readonly addresses: readonly string[];
  /** The pod's uid, or null where it stands for none (addresses kept by hand). */
  readonly podUid: string | null;
  /** Unset counts as true, as the API has it. */
  readonly isReady: boolean;
  /** It can answer, also while it is terminating. Unset counts as `isReady`. */
  readonly isServing: boolean;
  /** Unset counts as false. */
  readonly isTerminating: boolean;
}

/** Of an EndpointSlice what is used. */
export interface SliceView extends Kept {
  /** The Service that it belongs to (kubernetes.io/service-name). */
  readonly service: string;
  readonly addressType: 'IPv4' | 'IPv6';
  /** Target ports of the Service's ports, by their names ('' for one without); TCP only. */
  readonly ports: ReadonlyMap<string, number>;
  readonly endpoints: readonly EndpointView[];
}

/** The view of a discovery.k8s.io/v1 EndpointSlice; null where it belongs to no Service or holds names, not addresses. */
export function projectSlice(object: unknown): SliceView | null {
  const kept = keptOf(object);
  const slice = fieldsOf(object);
  const service = nameOf(fieldsOf(fieldsOf(slice.metadata).labels)['kubernetes.io/service-name']);
  const { addressType } = slice;
  if (kept === null || service === null) return null;
  if (addressType !== 'IPv4' && addressType !== 'IPv6') return null;
  return {
    ...kept,
    service,
    addressType,
    ports: portsOf(slice.ports),
    endpoints: itemsOf(slice.endpoints).map(projectEndpoint),
  };
}

function projectEndpoint(endpoint: Fields): EndpointView {
  const { ready, serving, terminating } = fieldsOf(endpoint.conditions);
  const targetRef = fieldsOf(endpoint.targetRef);
  const isReady = ready !== false;
  return {
    addresses: Array.isArray(endpoint.addresses)
      ? endpoint.addresses.filter((ip) => nameOf(ip) !== null)
      : [],
    podUid: targetRef.kind === 'Pod' ? nameOf(targetRef.uid) : null,
    isReady,
    isServing: typeof serving === 'boolean' ? serving : isReady,
    isTerminating: terminating === true,
  };
}

function portsOf(value: unknown): Map<string, number> {
  const numberByName = new Map<string, number>();
  for (const port of itemsOf(value)) {
    const number = wholeOf(port.port, 1);
    const isTcp = port.protocol === undefined || port.protocol === null || port.protocol === 'TCP';
    if (number !== null && isTcp) numberByName.set(textOf(port.name), number);
  }
  return numberByName;
}
