import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where the API server tells of the requests that service accounts made, one JSON document a line, written before the answer. */
export const auditLogOf = (folder: string): string => join(folder, 'audit.log');

/** Writes what is to be told: the accounts of tests, and not those of the control plane. Returns its path. */
export function writeAuditPolicy(folder: string): string {
  const file = join(folder, 'audit-policy.json');
  const policy = {
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    omitStages: ['RequestReceived'],
    rules: [
      { level: 'None', userGroups: ['system:serviceaccounts:kube-system'] },
      { level: 'Metadata', userGroups: ['system:serviceaccounts'] },
      { level: 'None' },
    ],
  };
  writeFileSync(file, JSON.stringify(policy));
  return file;
}
