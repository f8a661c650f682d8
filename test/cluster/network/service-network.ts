import { systemClock } from '../../../src/core/clock.ts';
import { type KubeApi, KubeError } from '../../../src/kube/api.ts';
import { createMirrors } from '../../../src/kube/mirrors.ts';
import { startClusterDns } from './cluster-dns.ts';
import { ServiceProxy } from './service-proxy.ts';
import { ServiceTable } from './service-table.ts';

/** Plays what makes Services answer: kube-proxy and the cluster's DNS. It ends with the process. */
export async function startServiceNetwork(api: KubeApi): Promise<void> {
  const onFault = (path: string, error: unknown) => {
    // Tests kill the API server; what is known goes on being true, as for a kube-proxy.
    const isAway = error instanceof KubeError && error.status === 0;
    if (!isAway) console.error(`services ${path}: ${String(error)}`);
  };
  const mirrors = createMirrors({ api, clock: systemClock, random: Math.random, onFault });
  const table = await ServiceTable.open(mirrors);
  new ServiceProxy(table);
  await startClusterDns(table);
}
