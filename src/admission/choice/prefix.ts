import type { Replica } from '../replica.ts';
import type { Chooser } from './chooser.ts';
import { RecentBlocks } from './recent-blocks.ts';

/** Blocks remembered per replica: 8 MiB of prompts in blocks of 256 bytes. */
const maxBlocks = 32_768;

/** Requests a replica may have when one more comes, so that none has more than `factor` times the mean. */
function maxLoad(open: readonly Replica[], factor: number): number {
  let total = 1;
  for (const replica of open) total += replica.inFlight;
  return Math.ceil((factor * total) / open.length);
}

/**
 * The replica that saw the longest start of the prompt, among those with room and within the bounded load
 * (Mirrokni, Thorup, Zadimoghaddam: Consistent Hashing with Bounded Loads, 2016); between equals, and without a
 * match, what `base` chooses.
 */
export function createPrefix(factor: number, base: Chooser): Chooser {
  return {
    choose(open, affinity): Replica | null {
      const chain = affinity?.blocks;
      if (!chain || chain.length === 0) return base.choose(open, affinity);
      const loadLimit = maxLoad(open, factor);
      let best: Replica[] = [];
      let bestMatch = 1;
      for (const replica of open) {
        if (!replica.hasRoom || replica.inFlight >= loadLimit) continue;
        const match = replica.recentBlocks?.matchOf(chain) ?? 0;
        if (match < bestMatch) continue;
        if (match > bestMatch) best = [];
        bestMatch = match;
        best.push(replica);
      }
      const chosen = base.choose(best.length > 0 ? best : open, affinity);
      if (chosen === null) return null;
      chosen.recentBlocks ??= new RecentBlocks(maxBlocks);
      chosen.recentBlocks.add(chain);
      return chosen;
    },
  };
}
