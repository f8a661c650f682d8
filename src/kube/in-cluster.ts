import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '../core/clock.ts';
import type { KubeAccess } from './access.ts';

/** Where a pod finds its account (https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/). */
export const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The token rotates below a mount; client-go reads it again each minute too. */
const tokenAgeMs = 60_000;

/** The access of the pod's own account. Rejects when its files cannot be read. */
export async function inClusterAccess(options: {
  readonly host: string;
  readonly port: string;
  readonly folder: string;
  readonly clock: Clock;
}): Promise<KubeAccess> {
  const { host, port, folder, clock } = options;
  const [ca, namespace] = await Promise.all([
    readFile(join(folder, 'ca.crt')),
    readFile(join(folder, 'namespace'), 'utf8'),
  ]);
  let token = '';
  let readAtMs = Number.NEGATIVE_INFINITY;
  return {
    server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    namespace: namespace.trim() || 'default',
    tls: { ca },
    async headers() {
      if (clock.nowMs() - readAtMs >= tokenAgeMs) {
        token = (await readFile(join(folder, 'token'), 'utf8')).trim();
        readAtMs = clock.nowMs();
      }
      return { authorization: `Bearer ${token}` };
    },
    refresh() {
      readAtMs = Number.NEGATIVE_INFINITY;
    },
  };
}
