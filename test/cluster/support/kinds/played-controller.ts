import { systemClock } from '../../../../src/core/clock.ts';
import { loadAccess } from '../../../../src/kube/access.ts';
import { createKubeApi } from '../../../../src/kube/client.ts';
import type { Kept } from '../../../../src/kube/mirror.ts';
import { createMirrors } from '../../../../src/kube/mirrors.ts';
import { Hands, type Manifest } from './hands.ts';

function keep(object: unknown): Kept {
  const { uid, namespace, name, resourceVersion } = (object as Manifest).metadata;
  return { uid, namespace, name, resourceVersion };
}

/**
 * Plays a controller as the administrator: `reconcile` is called at once and after each change of the collections, never
 * twice at a time. Returns what ends it, which rejects when a reconciliation has failed.
 */
export async function playController(
  collections: readonly string[],
  reconcile: (hands: Hands) => Promise<void>,
): Promise<() => Promise<void>> {
  const access = await loadAccess({ kubeconfig: process.env.KUBECONFIG!, context: null }, systemClock);
  const api = createKubeApi({ access, clock: systemClock, userAgent: 'played-controller' });
  const faults: unknown[] = [];
  const stop = new AbortController();
  const failed = (error: unknown) => stop.signal.aborted || faults.push(error);
  const onFault = (_path: string, error: unknown) => void failed(error);
  const mirrors = createMirrors({ api, clock: systemClock, random: Math.random, onFault });
  const hands = new Hands(api, stop.signal);
  let last = Promise.resolve();
  let isPlanned = false;
  const plan = () => {
    if (isPlanned || stop.signal.aborted) return;
    isPlanned = true;
    last = last.then(() => {
      isPlanned = false;
      return reconcile(hands).catch(failed) as Promise<void>;
    });
  };
  for (const path of collections) {
    const { mirror } = mirrors.use({ path, project: keep });
    mirror.listen({ onSet: plan, onDelete: plan });
    await mirror.synced(10_000, stop.signal);
  }
  plan();
  return async () => {
    stop.abort(new Error('the controller is stopped'));
    await last;
    await mirrors.close();
    await api.close();
    if (faults.length > 0) throw new AggregateError(faults, 'a played controller has failed');
  };
}
