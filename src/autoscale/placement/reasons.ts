import type { Needs } from '../../core/room.ts';
import type { Books } from './books.ts';
import { type Holding, isAtOdds, isPersistentTo, isStaying, type TenantState } from './world.ts';

/** Models in the way that are named. */
const namedModels = 2;
const gibibyte = 1024 ** 3;

/** `waits for 20 GiB on a GPU: qwen is busy`. Pure. */
export function waitsFor(tenant: TenantState, books: Books, tenants: readonly TenantState[]): string {
  const slots = books.slotsFor(tenant.needs);
  const ids = new Set(slots.map(({ gpu }) => gpu.id));
  const isInTheWay = (other: TenantState) =>
    other !== tenant && other.holdings.some((one) => takesFrom(tenant, { other, one, ids }));
  const holders = tenants.filter(isInTheWay);
  const first = new Set([
    ...slots.flatMap(({ promisedTo }) => promisedTo),
    ...books.inTheWayLater(tenant).flatMap(({ holdings, model }) => (holdings.length === 0 ? [model] : [])),
  ]);
  first.delete(tenant.model);
  const more = holders.length + first.size - namedModels;
  const named = [
    ...holders.slice(0, namedModels).map((other) => holderLine(tenant, other, ids)),
    ...[...first].map((model) => `${model} goes first`),
  ].slice(0, namedModels);
  const text = named.length === 0 ? noRoom(tenant, books) : named.join(', ');
  return `waits for ${whatOf(tenant, books, tenants)}: ${text}${more > 0 ? ` and ${more} more` : ''}`;
}

/** It fits, and its memory is not there as yet. Pure. */
export function waitsForMemory({ needs }: TenantState): string {
  return `waits for ${whatText(needs)}: it is on its way to be free`;
}

/** Its own replica goes for another model. */
export const waitsForItself = 'waits for its last requests to end: another model has its turn';

/** Pure. */
export function waitsForStarts(starting: number): string {
  return `waits for its turn to start: ${starting === 1 ? '1 replica starts' : `${starting} replicas start`}`;
}

function whatOf(tenant: TenantState, books: Books, tenants: readonly TenantState[]): string {
  const isShutOut =
    books.inTheWayLater(tenant).length > 0 ||
    tenants.some((other) => other.holdings.length > 0 && isAtOdds(tenant, other));
  if (isShutOut && tenant.group !== null) return `its turn in group ${tenant.group.name}`;
  const { gpus, hostBytes } = tenant.needs;
  const isHost = gpus === 0 || books.placeLater({ ...tenant, needs: { ...tenant.needs, hostBytes: 0 } });
  return isHost && hostBytes > 0
    ? `${sizeText(hostBytes)} of the host's memory`
    : isShutOut
      ? 'its turn'
      : whatText(tenant.needs);
}

function whatText({ gpus, memoryBytes, pool }: Needs): string {
  const where = pool === null ? '' : ` of pool ${pool}`;
  if (gpus === 0) return 'room';
  if (memoryBytes === null) return gpus === 1 ? `a GPU${where}` : `${gpus} GPUs${where}`;
  const size = sizeText(memoryBytes);
  return gpus === 1 ? `${size} on a GPU${where}` : `${size} on each of ${gpus} GPUs${where}`;
}

/** Whether this replica of another takes room that would do (`ids`: of the GPUs), or is at odds with it. */
function takesFrom(
  tenant: TenantState,
  { other, one, ids }: { other: TenantState; one: Holding; ids: ReadonlySet<string> },
): boolean {
  const isOnHost = one.needs.hostBytes > 0 && tenant.needs.hostBytes > 0;
  return isOnHost || one.place.gpus.some((id) => ids.has(id)) || isAtOdds(tenant, other);
}

/** What another does with the room. */
function holderLine(tenant: TenantState, other: TenantState, ids: ReadonlySet<string>): string {
  const held = other.holdings.filter((one) => takesFrom(tenant, { other, one, ids }));
  const leaves = held.find((holding) => !isStaying(holding));
  if (leaves) return `${other.model} ${leaves.inFlight > 0 ? 'serves its last requests' : 'ends'}`;
  if (other.waiting + other.inFlight > 0 && held.some(({ state }) => state !== 'starting'))
    return `${other.model} is busy`;
  if (held.some(({ state }) => state === 'starting')) return `${other.model} is starting`;
  const isOfMin = !isAtOdds(tenant, other) && other.holdings.filter(isStaying).length <= other.min;
  const mayNotGo = other.isKept || isOfMin || isPersistentTo(tenant, other);
  return `${other.model} ${mayNotGo ? 'is kept' : 'is idle'}`;
}

/** `20 GiB`. */
function sizeText(bytes: number): string {
  return `${Math.round((bytes / gibibyte) * 10) / 10} GiB`;
}

function noRoom({ needs }: TenantState, books: Books): string {
  const others = books.slots.filter(({ gpu }) => gpu.othersBytes > 0);
  const fits = (bytes: number) => bytes >= (needs.memoryBytes ?? 1);
  const isForOthers = others.some(({ gpu, capacityBytes }) => fits(gpu.memoryBytes) && !fits(capacityBytes));
  if (!isForOthers) return 'there is none';
  const told = others.map(({ gpu }) => `${sizeText(gpu.othersBytes)} of GPU ${gpu.id}`);
  return `others use ${told.join(', ')}`;
}
