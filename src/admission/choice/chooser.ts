import type { BalanceSettings } from '../../config/settings.ts';
import type { Replica } from '../replica.ts';
import type { Affinity } from '../waiter.ts';
import { chooseFirst } from './first.ts';
import { createLeast } from './least.ts';
import { createPrefix } from './prefix.ts';
import { createSession } from './session.ts';

/** Chooses one with room among the replicas that take requests; null only when none has any. */
export interface Chooser {
  choose(open: readonly Replica[], affinity: Affinity | null): Replica | null;
}

/** Up to this limit per replica filling one before the next keeps the others free to be scaled away. */
const maxLimitOfFirst = 3;

function isSmall(replica: Replica): boolean {
  return replica.limit > 0 && replica.limit <= maxLimitOfFirst;
}

function createBase(balance: BalanceSettings, least: Chooser): Chooser {
  const first: Chooser = { choose: chooseFirst };
  switch (balance.strategy) {
    case 'least':
      return least;
    case 'first':
      return first;
    case 'prefix':
      return createPrefix(balance.maxLoadFactor, least);
    case 'auto':
      return {
        choose: (open, affinity) => (open.every(isSmall) ? first : least).choose(open, affinity),
      };
  }
}

/** The chooser of a model: affinity to a session where the request has one, else the strategy. */
export function createChooser(balance: BalanceSettings, random: () => number): Chooser {
  const base = createBase(balance, createLeast(random));
  return balance.session === null ? base : createSession(base);
}
