import type { Kept } from '../../kube/mirror.ts';
import { fieldsOf, itemsOf, keptOf, textOf, wholeOf } from './pod-fields.ts';

/** Of a Service (core/v1) what is used: its TCP ports. */
export interface ServiceView extends Kept {
  readonly ports: readonly {
    readonly name: string;
    readonly port: number;
    /** Number or name of a container's port; the port itself where it is unset. */
    readonly targetPort: number | string;
  }[];
  /** It has no address of its own: its name leads to the pods, at their ports. */
  readonly isHeadless: boolean;
}

/** The view of a Service; null where it has no name or uid. */
export function projectServicePorts(object: unknown): ServiceView | null {
  const kept = keptOf(object);
  if (kept === null) return null;
  const { ports, clusterIP } = fieldsOf(fieldsOf(object).spec);
  const views = itemsOf(ports).flatMap(({ name, port, targetPort, protocol }) => {
    const number = wholeOf(port, 1);
    if (number === null || (protocol !== undefined && protocol !== 'TCP')) return [];
    return [
      {
        name: textOf(name),
        port: number,
        targetPort: wholeOf(targetPort, 1) ?? (textOf(targetPort) || number),
      },
    ];
  });
  return { ...kept, ports: views, isHeadless: clusterIP === 'None' };
}

/** The port of the Service that leads to `podPort` (which the backend may have named `name`); null: none does. */
export function servicePortOf(
  { ports, isHeadless }: ServiceView,
  podPort: number,
  name: number | string | null,
): number | null {
  if (isHeadless) return podPort;
  const found =
    ports.find(({ targetPort }) => targetPort === podPort) ??
    ports.find(({ targetPort, name: own }) => name !== null && (targetPort === name || own === name));
  return found?.port ?? (ports.length === 1 ? ports[0]!.port : null);
}
