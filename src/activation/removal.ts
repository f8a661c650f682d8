import type { Removal, ReplicaStatus } from '../core/driver.ts';
import type { GateControl } from '../core/gate.ts';
import type { Replica } from './replica.ts';

/** What is known when the count goes down. */
export interface RemovalView {
  readonly removal: Removal;
  readonly gate: Pick<GateControl, 'inFlight' | 'inFlightOf'>;
  /** Ids of those that go before any, where it is known who ends. */
  readonly first?: readonly string[];
}

const ordinalOf = ({ status }: Replica) => status.ordinal ?? -1;

/** What ends before one that nothing runs on. */
const emptiness: Partial<Record<Replica['state'], number>> = { starting: -3, asleep: -2, dozing: -1 };

/**
 * Those that are to take no new requests when `count` of `living` must go. Pure. By ordinal from the highest, busy or
 * not; else those that are not ready yet, then those that sleep, then the least loaded. Where anybody may end, nobody is singled out.
 */
export function victimsOf(living: readonly Replica[], count: number, view: RemovalView): readonly Replica[] {
  if (count <= 0) return [];
  if (count >= living.length) return living;
  if (view.removal === 'unknown') return [];
  const load = ({ id, state }: Replica) => {
    if (view.first?.includes(id) === true) return -4;
    return emptiness[state] ?? view.gate.inFlightOf(id);
  };
  const isOrdered = view.removal === 'highest-ordinal';
  return living
    .toSorted((a, b) => (isOrdered ? ordinalOf(b) - ordinalOf(a) : load(a) - load(b)))
    .slice(0, count);
}

/** Of those that drain, in which order they are taken back: the one that would end last comes first. Pure. */
export function takenBackOf(draining: readonly Replica[]): readonly Replica[] {
  return draining.toSorted((a, b) => ordinalOf(a) - ordinalOf(b));
}

/**
 * Those of the draining ones that the platform would end, and nobody else, if the count went down by as many. Pure.
 * `living` are those that stay. Nobody who is busy is among them, nor one whose end would mean that of a busy one.
 */
export function endableOf(
  draining: readonly Replica[],
  living: readonly Replica[],
  { removal, gate }: RemovalView,
): readonly Replica[] {
  const isIdle = ({ id }: Replica) => gate.inFlightOf(id) === 0;
  if (removal === 'victims') return draining.filter(isIdle);
  if (removal === 'unknown') return gate.inFlight === 0 ? draining : [];
  const highest = Math.max(-1, ...living.map(ordinalOf));
  const fromTop = draining
    .filter((replica) => ordinalOf(replica) > highest)
    .toSorted((a, b) => ordinalOf(b) - ordinalOf(a));
  const busy = fromTop.findIndex((replica) => !isIdle(replica));
  return busy === -1 ? fromTop : fromTop.slice(0, busy);
}

/** Whether the platform would end one that is busy if it were told this count now. Pure. */
export function endsBusy(
  replicas: readonly ReplicaStatus[],
  count: number,
  { removal, gate }: RemovalView,
): boolean {
  if (removal === 'victims') return false;
  if (removal === 'unknown') return gate.inFlight > 0;
  const lowestFirst = replicas
    .filter(({ phase }) => phase !== 'stopping')
    .toSorted((a, b) => (a.ordinal ?? -1) - (b.ordinal ?? -1));
  return lowestFirst.slice(count).some(({ id }) => gate.inFlightOf(id) > 0);
}
