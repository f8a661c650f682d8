import type { Replica } from '../replica.ts';

/** The first with room, in the order in which they came. */
export function chooseFirst(open: readonly Replica[]): Replica | null {
  for (const replica of open) if (replica.hasRoom) return replica;
  return null;
}
