import type { Replica } from '../replica.ts';
import type { Chooser } from './chooser.ts';

/**
 * The one with the fewest requests in flight; the search begins after the one chosen last, so that equal ones take
 * turns. `random` sets where it begins, so that several gateways do not all begin at the same replica.
 */
export function createLeast(random: () => number): Chooser {
  let cursor = Math.floor(random() * 65_536);
  return {
    choose(open: readonly Replica[]): Replica | null {
      let best: Replica | null = null;
      let bestAt = 0;
      for (let i = 0; i < open.length; i++) {
        const at = (cursor + i) % open.length;
        const replica = open[at]!;
        if (!replica.hasRoom || (best !== null && best.inFlight <= replica.inFlight)) continue;
        best = replica;
        bestAt = at;
        if (replica.inFlight === 0) break;
      }
      if (best !== null) cursor = bestAt + 1;
      return best;
    },
  };
}
