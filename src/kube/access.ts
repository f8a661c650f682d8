import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { KubernetesSettings } from '../config/settings.ts';
import type { Clock } from '../core/clock.ts';
import { inClusterAccess, serviceAccountFolder } from './in-cluster.ts';
import { kubeconfigAccess } from './kubeconfig.ts';

/** What a TLS connection to the API server takes besides its address. */
export interface KubeTls {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly servername?: string;
  /** false: the server's certificate is not checked. */
  readonly rejectUnauthorized?: boolean;
}

/** Where the API server is and who we are to it. */
export interface KubeAccess {
  /** Origin, and a path where there is one, without a slash at the end: `https://10.0.0.1:443`. */
  readonly server: string;
  /** The pod's own, or that of the context; `default` where neither says. */
  readonly namespace: string;
  readonly tls: KubeTls;
  /** Sent with each request; read again as credentials rotate. Rejects when they cannot be had. */
  headers(): Promise<Record<string, string>>;
  /** Forgets what is remembered of credentials: the server refused them. */
  refresh(): void;
}

/** Where the process stands; given by tests. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly serviceAccount: string;
}

/**
 * The access to the cluster: the kubeconfig of the settings, else the pod's own account, else KUBECONFIG, else
 * ~/.kube/config. Rejects with an error that names all that was looked for.
 */
export async function loadAccess(
  settings: Pick<KubernetesSettings, 'kubeconfig' | 'context'>,
  clock: Clock,
  around: Partial<Surroundings> = {},
): Promise<KubeAccess> {
  const { env = process.env, home = homedir(), serviceAccount = serviceAccountFolder } = around;
  const { context } = settings;
  if (settings.kubeconfig !== null) return kubeconfigAccess({ files: [settings.kubeconfig], context, clock });
  const host = env.KUBERNETES_SERVICE_HOST;
  if (host && existsSync(join(serviceAccount, 'token'))) {
    const port = env.KUBERNETES_SERVICE_PORT || '443';
    return inClusterAccess({ host, port, folder: serviceAccount, clock });
  }
  const named = (env.KUBECONFIG ?? '').split(delimiter).filter((file) => file !== '');
  if (named.length > 0) return kubeconfigAccess({ files: named, context, clock });
  const usual = join(home, '.kube', 'config');
  if (existsSync(usual)) return kubeconfigAccess({ files: [usual], context, clock });
  throw new Error(
    `no access to a cluster: not in a pod (no KUBERNETES_SERVICE_HOST with ${serviceAccount}/token), KUBECONFIG is not set and ${usual} does not exist; set kubernetes.kubeconfig, or let the pod mount its service account token`,
  );
}
