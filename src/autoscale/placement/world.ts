import type { GpuBudget, Needs, Place, TenantReplica, TenantView } from '../../core/room.ts';

/** A GPU as a plan sees it. */
export interface GpuState extends GpuBudget {
  /** Of `memoryBytes`, what others than the tenants use, by what was measured while nothing of theirs came or went; 0: nothing is known. */
  readonly othersBytes: number;
  /** Measured now, whoever uses the rest; null: it cannot be, and what is on the books is all that counts. */
  readonly freeBytes: number | null;
}

/** The room of one replica: from its grant until it is gone. */
export interface Holding {
  /** Of all tenants, unique: the replica's id, or a name until it has one. */
  readonly key: string;
  readonly place: Place;
  /** As they were when it was granted. */
  readonly needs: Needs;
  readonly state: TenantReplica['state'];
  readonly inFlight: number;
  /** `nowMs` of the grant. */
  readonly grantedAtMs: number;
}

/** Replicas that a tenant asks for and has no room for. */
export interface Claim {
  /** At least 1. */
  readonly missing: number;
  /** `nowMs` since which it asks as it does now. */
  readonly sinceMs: number;
  /** Who asked first has the lower one; unique. */
  readonly order: number;
  /** Somebody waits for it or asked for it by name: idle ones may go for it. */
  readonly isUrgent: boolean;
}

/** A tenant as a plan sees it. */
export interface TenantState extends Omit<TenantView, 'replicas' | 'arrived' | 'jobs'> {
  readonly id: string;
  readonly model: string;
  readonly holdings: readonly Holding[];
  /** null: it has all that it asks for. */
  readonly claim: Claim | null;
  /** Whoever waited for it when it became ready was served: it may be made to go although it is busy. */
  readonly isTurnOver: boolean;
}

/** All that a plan depends on, but for the time. */
export interface World {
  readonly gpus: readonly GpuState[];
  readonly hostBytes: number | null;
  readonly maxStarting: number | null;
  readonly maxPassMs: number;
  readonly tenants: readonly TenantState[];
}

/** Room for one more replica. */
export interface PlannedGrant {
  readonly tenantId: string;
  readonly place: Place;
}

/** Replicas of one tenant that are to go, each after its last request. */
export interface Eviction {
  readonly tenantId: string;
  readonly keys: readonly string[];
  /** The model for which they go. */
  readonly forModel: string;
}

/** What is to be done now. */
export interface Plan {
  readonly grants: readonly PlannedGrant[];
  /** Holdings that drain and whose tenant may use them again. */
  readonly revivals: readonly { readonly tenantId: string; readonly key: string }[];
  readonly evictions: readonly Eviction[];
  /** By the ids of the tenants whose claims stand: what they wait for, in one line. */
  readonly waits: ReadonlyMap<string, string>;
  /** When there may be another plan although nothing changes; null: not before something does. */
  readonly nextAtMs: number | null;
}

/** Whether it stays: it is neither told to end nor about to be. */
export function isStaying({ state }: Pick<Holding, 'state'>): boolean {
  return state !== 'draining' && state !== 'ending';
}

/** Whether the two must not run at the same time (see `Group`). */
export function isAtOdds(a: TenantState, b: TenantState): boolean {
  if (a.id === b.id) return false;
  if (a.group !== null && a.group.name === b.group?.name) return a.group.isSwapped;
  const shutsOut = (one: TenantState, other: TenantState) =>
    one.group?.isExclusive === true && other.group?.isPersistent !== true;
  return shutsOut(a, b) || shutsOut(b, a);
}

/** Whether the claimant may not make its replicas go (see `Group`). */
export function isPersistentTo(claimant: TenantState, { group }: TenantState): boolean {
  if (group?.isPersistent !== true) return false;
  return !(group.isSwapped && claimant.group?.name === group.name);
}
