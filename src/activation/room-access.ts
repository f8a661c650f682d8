import type { Room, RoomTerms } from '../core/room.ts';

/** How a revision takes part in the room that all models share. */
export interface RoomAccess {
  readonly room: Room;
  /** What a replica needs now. */
  terms(): RoomTerms;
  /** `nowMs` at which the next request is expected; null: not known. */
  returnAtMs(): number | null;
  /** A start had not enough memory on its GPUs: whether another model goes for it, so that it can be made again. */
  makeMoreRoom?(replicaId: string): boolean;
}
