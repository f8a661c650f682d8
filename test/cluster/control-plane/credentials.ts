import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where the API server listens in the namespace; also the address of the played nodes. */
export const nodeAddress = '198.19.0.1';

/** Paths under the folder of a run. */
export interface Credentials {
  readonly pki: string;
  /** Kubeconfigs: of the administrator, and of the three programs that call the API server. */
  readonly admin: string;
  readonly controllerManager: string;
  readonly scheduler: string;
  readonly kubelet: string;
}

const users = {
  admin: 'admin,admin,"system:masters"',
  controllerManager: 'system:kube-controller-manager,kcm',
  scheduler: 'system:kube-scheduler,scheduler',
  kubelet: 'played-kubelet,kubelet,"system:masters"',
};

function authority(pki: string, name: string): void {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const files = ['-keyout', join(pki, `${name}.key`), '-out', join(pki, `${name}.crt`)];
  execFileSync('openssl', ['req', '-x509', ...key, ...files, '-days', '30', '-subj', `/CN=${name}`], {
    stdio: 'ignore',
  });
}

/** Makes keys, tokens and kubeconfigs under `folder`. The API server makes its own certificate there. */
export function makeCredentials(folder: string): Credentials {
  const pki = join(folder, 'pki');
  mkdirSync(pki, { recursive: true, mode: 0o700 });
  const account = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(join(pki, 'sa.key'), account.privateKey.export({ type: 'pkcs1', format: 'pem' }));
  writeFileSync(join(pki, 'sa.pub'), account.publicKey.export({ type: 'spki', format: 'pem' }));
  // Without a client CA the controller manager and the scheduler never find their authentication's settings.
  authority(pki, 'client-ca');
  authority(pki, 'proxy-ca');
  const rows: string[] = [];
  const kubeconfig = (user: keyof typeof users): string => {
    const token = randomBytes(16).toString('hex');
    rows.push(`${token},${users[user]}`);
    const server = `https://${nodeAddress}:6443`;
    const cluster = { server, 'certificate-authority': join(pki, 'apiserver', 'apiserver.crt') };
    const file = join(folder, `${user}.kubeconfig`);
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'suite', cluster }],
      users: [{ name: user, user: { token } }],
      contexts: [{ name: 'suite', context: { cluster: 'suite', user } }],
      'current-context': 'suite',
    };
    writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
    return file;
  };
  const credentials: Credentials = {
    pki,
    admin: kubeconfig('admin'),
    controllerManager: kubeconfig('controllerManager'),
    scheduler: kubeconfig('scheduler'),
    kubelet: kubeconfig('kubelet'),
  };
  writeFileSync(join(pki, 'tokens.csv'), `${rows.join('\n')}\n`, { mode: 0o600 });
  return credentials;
}
