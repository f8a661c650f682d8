import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dnsAddress } from './cluster-dns.ts';

/** As a kubelet writes it for a pod, but for the domain of the pod's own namespace. */
const resolvConf = `nameserver ${dnsAddress}
search svc.cluster.local cluster.local
options ndots:5
`;

/** A resolver on the machine would be asked over a socket, which no network namespace keeps out. */
const nsswitchConf = 'hosts: files dns\n';

/**
 * Makes names resolve by the cluster's DNS in this mount namespace, which must be one of its own: files under `folder` are
 * laid over those of the machine. Throws where that is not allowed or the machine has no /etc/resolv.conf.
 */
export function layResolver(folder: string): void {
  bind(join(folder, 'resolv.conf'), '/etc/resolv.conf', resolvConf);
  if (existsSync('/etc/nsswitch.conf'))
    bind(join(folder, 'nsswitch.conf'), '/etc/nsswitch.conf', nsswitchConf);
}

function bind(file: string, over: string, text: string): void {
  writeFileSync(file, text);
  execFileSync('mount', ['--bind', file, over], { stdio: ['ignore', 'ignore', 'inherit'] });
}
