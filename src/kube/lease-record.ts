import { KubeError } from './api.ts';

/** An object of kind Lease (coordination.k8s.io/v1), of which this is used. */
export interface LeaseObject {
  readonly apiVersion: 'coordination.k8s.io/v1';
  readonly kind: 'Lease';
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly resourceVersion?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: {
    readonly holderIdentity?: string | null;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

/** Milliseconds that the holder takes to drain its requests after it has lost the lease. */
const drainAnnotation = 'pilotlight.dev/drain';
/** Who held it last: a lease that was given up names no holder, whose drain still has to be waited for. */
const lastHolderAnnotation = 'pilotlight.dev/last-holder';

/** Who holds it; '' nobody. */
export const holderOf = (lease: LeaseObject | null): string => lease?.spec?.holderIdentity ?? '';

/** Who holds it or held it last; ''. */
export const lastHolderOf = (lease: LeaseObject | null): string =>
  holderOf(lease) || (lease?.metadata.annotations?.[lastHolderAnnotation] ?? '');

/** What the one that holds or held it said its drain takes, or `otherwise`. */
export function drainOf(lease: LeaseObject | null, otherwise: number): number {
  const told = Number(lease?.metadata.annotations?.[drainAnnotation] ?? Number.NaN);
  return Number.isFinite(told) && told >= 0 ? told : otherwise;
}

/** Who writes a lease, and with what in it. */
export interface Holding {
  /** '' gives it up. */
  readonly holder: string;
  readonly self: string;
  readonly drainMs: number;
  readonly durationMs: number;
  readonly wallMs: number;
}

/** One that does not exist yet. */
export function newLease(name: string, namespace: string): LeaseObject {
  return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, namespace } };
}

/** Why it cannot be had, and what to do, in one line. */
export function refusalOf(error: unknown, namespace: string): string {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof KubeError) || error.status !== 403) return `the lease cannot be had: ${message}`;
  return `the lease cannot be had: ${message}; leases in namespace "${namespace}" need the verbs get, create and update (the Role in deploy/ grants them)`;
}

/** The lease as `by.holder` holds it, on top of what it is now; keeps its resourceVersion. */
export function leaseHeldBy(current: LeaseObject, by: Holding): LeaseObject {
  const now = new Date(by.wallMs).toISOString().replace('Z', '000Z');
  const isSame = holderOf(current) === by.holder;
  const isTaken = by.holder !== '' && !isSame;
  const acquireTime = isTaken ? now : current.spec?.acquireTime;
  return {
    ...current,
    metadata: {
      ...current.metadata,
      annotations: {
        ...current.metadata.annotations,
        [drainAnnotation]: String(by.drainMs),
        [lastHolderAnnotation]: by.self,
      },
    },
    spec: {
      holderIdentity: by.holder,
      leaseDurationSeconds: Math.ceil(by.durationMs / 1_000),
      ...(acquireTime === undefined ? {} : { acquireTime }),
      renewTime: now,
      leaseTransitions: (current.spec?.leaseTransitions ?? 0) + (isTaken ? 1 : 0),
    },
  };
}
