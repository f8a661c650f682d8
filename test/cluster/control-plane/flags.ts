import { join } from 'node:path';
import { auditLogOf, writeAuditPolicy } from './audit.ts';
import { type Credentials, nodeAddress } from './credentials.ts';

/** ClusterIPs; local to the namespace's loopback, as are those of pods. */
export const serviceRange = '198.19.128.0/20';
/** Addresses of pods. */
export const podRange = '198.18.0.0/16';
/** Where etcd listens. */
export const etcdUrl = 'http://127.0.0.1:2379';

/** The arguments of each program of the control plane, by its name in kubebox; `folder` holds etcd's data. */
export function flagsByProgram(folder: string, credentials: Credentials) {
  const { pki, controllerManager, scheduler } = credentials;
  const peer = 'http://127.0.0.1:2380';
  const asClient = (file: string) => [
    `--kubeconfig=${file}`,
    `--authentication-kubeconfig=${file}`,
    `--authorization-kubeconfig=${file}`,
    '--bind-address=127.0.0.1',
    '--leader-elect=false',
    '--profiling=false',
  ];
  return {
    etcd: [
      `--data-dir=${join(folder, 'etcd')}`,
      `--listen-client-urls=${etcdUrl}`,
      `--advertise-client-urls=${etcdUrl}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
      '--log-level=warn',
      '--unsafe-no-fsync',
    ],
    'kube-apiserver': [
      `--etcd-servers=${etcdUrl}`,
      `--cert-dir=${join(pki, 'apiserver')}`,
      '--bind-address=0.0.0.0',
      '--secure-port=6443',
      `--advertise-address=${nodeAddress}`,
      `--service-cluster-ip-range=${serviceRange}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${join(pki, 'sa.pub')}`,
      `--service-account-signing-key-file=${join(pki, 'sa.key')}`,
      '--authorization-mode=Node,RBAC',
      `--token-auth-file=${join(pki, 'tokens.csv')}`,
      `--client-ca-file=${join(pki, 'client-ca.crt')}`,
      `--requestheader-client-ca-file=${join(pki, 'proxy-ca.crt')}`,
      '--allow-privileged=true',
      '--profiling=false',
      `--audit-policy-file=${writeAuditPolicy(folder)}`,
      `--audit-log-path=${auditLogOf(folder)}`,
    ],
    'kube-controller-manager': [
      ...asClient(controllerManager),
      `--cert-dir=${join(pki, 'controller-manager')}`,
      '--use-service-account-credentials=true',
      `--service-account-private-key-file=${join(pki, 'sa.key')}`,
      `--root-ca-file=${join(pki, 'apiserver', 'apiserver.crt')}`,
      // With the defaults it is busy for its first seconds.
      '--kube-api-qps=200',
      '--kube-api-burst=400',
    ],
    'kube-scheduler': [...asClient(scheduler), `--cert-dir=${join(pki, 'scheduler')}`],
  } as const;
}
