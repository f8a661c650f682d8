import type { Needs } from '../../core/room.ts';
import type { Books } from './books.ts';
import { type Holding, isAtOdds, isPersistentTo, isStaying, type TenantState } from './world.ts';

/** Models in the way that are named. */
const namedModels = 2;
const gibibyte = 1024 ** 3;

/** `waits for 20 GiB on a GPU: qwen is busy`. Pure. */
export function waitsFor(tenant: TenantState, books: Books, tenants: readonly TenantState[]): string {
  const others = tenants.filter((other) => other !== tenant);
  const held = others.flatMap((other) => holderLine(tenant, other, books) ?? []);
  const promised = [
    ...books.inTheWayLater(tenant).filter(({ holdings }) => holdings.length === 0),
    ...others.filter(({ model }) =>
      books.slotsFor(tenant.needs).some((slot) => slot.promisedTo.includes(model)),
    ),
  ];
  const lines = [...new Set([...held, ...promised.map(({ model }) => `${model} goes first`)])];
  const more = lines.length - namedModels;
  const named = lines.slice(0, namedModels).join(', ');
  const who = lines.length === 0 ? noRoom(tenant, books) : more > 0 ? `${named} and ${more} more` : named;
  return `waits for ${whatOf(tenant, books, tenants)}: ${who}`;
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

/** What another does with the room; null: it has none of it. */
function holderLine(tenant: TenantState, other: TenantState, books: Books): string | null {
  const ids = new Set(books.slotsFor(tenant.needs).map(({ gpu }) => gpu.id));
  const isShared = ({ place, needs }: Holding) =>
    place.gpus.some((id) => ids.has(id)) || (needs.hostBytes > 0 && tenant.needs.hostBytes > 0);
  const held = other.holdings.filter((holding) => isAtOdds(tenant, other) || isShared(holding));
  if (held.length === 0) return null;
  const leaves = held.find((holding) => !isStaying(holding));
  if (leaves) return `${other.model} ${leaves.inFlight > 0 ? 'serves its last requests' : 'ends'}`;
  if (other.waiting + other.inFlight > 0 && held.some(({ state }) => state !== 'starting'))
    return `${other.model} is busy`;
  if (held.some(({ state }) => state === 'starting')) return `${other.model} is starting`;
  const mayNotGo = other.isKept || isPersistentTo(tenant, other);
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
