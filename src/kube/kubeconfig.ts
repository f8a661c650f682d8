import type { RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import type { Clock } from '../core/clock.ts';
import type { KubeAccess, KubeTls } from './access.ts';

/** Credentials are asked for again after this long; exec plugins and OIDC remember theirs until they expire. */
const headersAgeMs = 60_000;

async function load(files: readonly string[], context: string | null): Promise<KubeConfig> {
  // Loaded here alone: it takes 80 MB at first and 30 MB for good, which a pod with an account of its own need not pay.
  const { KubeConfig: Config } = await import('@kubernetes/client-node/dist/config.js');
  const config = new Config();
  const [first = '', ...others] = files;
  config.loadFromFile(first);
  for (const file of others) {
    const other = new Config();
    other.loadFromFile(file);
    config.mergeConfig(other, true);
  }
  if (context !== null) config.setCurrentContext(context);
  if (config.getCurrentCluster() === null) {
    const known = config.getContexts().map(({ name }) => name);
    const wanted = config.getCurrentContext() || '(none is current)';
    throw new Error(
      `${files.join(', ')}: no cluster for context ${wanted}; contexts: ${known.join(', ') || 'none'}`,
    );
  }
  return config;
}

async function ask(config: KubeConfig): Promise<RequestOptions> {
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  return options;
}

function headersOf({ headers, auth }: RequestOptions): Record<string, string> {
  const entries = Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)]);
  const found = Object.fromEntries(entries) as Record<string, string>;
  if (auth) found.authorization ??= `Basic ${Buffer.from(auth).toString('base64')}`;
  return found;
}

function tlsOf({ ca, cert, key, servername, rejectUnauthorized }: RequestOptions): KubeTls {
  return {
    ...(ca ? { ca: ca as Buffer } : {}),
    ...(cert ? { cert: cert as Buffer } : {}),
    ...(key ? { key: key as Buffer } : {}),
    ...(servername ? { servername } : {}),
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
  };
}

/** The access that kubeconfig files give, merged in order. Rejects when they cannot be read or name no cluster. */
export async function kubeconfigAccess(options: {
  readonly files: readonly string[];
  /** null: the current one. */
  readonly context: string | null;
  readonly clock: Clock;
}): Promise<KubeAccess> {
  const { files, context, clock } = options;
  let config: KubeConfig | null = await load(files, context);
  const first = await ask(config);
  let headers = headersOf(first);
  let askedAtMs = clock.nowMs();
  return {
    server: config.getCurrentCluster()!.server.replace(/\/+$/, ''),
    namespace: config.getContextObject(config.getCurrentContext())?.namespace ?? 'default',
    tls: tlsOf(first),
    async headers() {
      if (config === null || clock.nowMs() - askedAtMs >= headersAgeMs) {
        config ??= await load(files, context);
        headers = headersOf(await ask(config));
        askedAtMs = clock.nowMs();
      }
      return headers;
    },
    refresh() {
      config = null;
    },
  };
}
