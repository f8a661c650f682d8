import type { Replica } from '../replica.ts';
import type { Chooser } from './chooser.ts';

/** Sessions remembered per gate; the ones not seen for longest are forgotten. */
const maxSessions = 65_536;

/**
 * The replica that served the session before, while it takes requests and has room. A full or suspended one keeps its
 * sessions (its cache is still theirs); the sessions of one that is gone go elsewhere and stay there.
 */
export function createSession(base: Chooser): Chooser {
  const replicaBySession = new Map<string, Replica>();
  return {
    choose(open, affinity): Replica | null {
      const session = affinity?.session ?? null;
      if (session === null) return base.choose(open, affinity);
      const home = replicaBySession.get(session);
      if (home?.isOpen && home.hasRoom) {
        replicaBySession.delete(session);
        replicaBySession.set(session, home);
        return home;
      }
      const chosen = base.choose(open, affinity);
      if (chosen === null || (home && !home.isLeaving)) return chosen;
      replicaBySession.delete(session);
      replicaBySession.set(session, chosen);
      if (replicaBySession.size > maxSessions) replicaBySession.delete(replicaBySession.keys().next().value!);
      return chosen;
    },
  };
}
