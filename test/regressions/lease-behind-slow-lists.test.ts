import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openCluster } from '../../src/cluster.ts';
import { systemClock } from '../../src/core/clock.ts';
import { createLog } from '../../src/meter/log.ts';
import { settingsOf } from '../support/gateway.ts';
import { KubeServer } from '../support/kube-server.ts';

/** Lists and the lease shared sixteen connections: a leader lost the lease while its lists took long. */
it('the lease is had while more lists than there are connections are not answered', async () => {
  const server = await KubeServer.start();
  const folder = mkdtempSync(join(tmpdir(), 'pilotlight-lists-'));
  const kubeconfig = join(folder, 'kubeconfig');
  const config = {
    clusters: [{ name: 'c', cluster: { server: server.url, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'u', user: {} }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace: 'llm' } }],
    'current-context': 'x',
  };
  writeFileSync(kubeconfig, JSON.stringify(config));
  const namespaces = Array.from({ length: 20 }, (_, index) => `team-${index}`);
  const section = `kubernetes: { kubeconfig: ${kubeconfig}, namespaces: [${namespaces.join(', ')}], discovery: { annotations: true } }`;
  const { kubernetes } = settingsOf('  {}\n', section);
  server.fault({ kind: 'hang', verb: 'list' });
  const log = createLog('silent');
  const cluster = await openCluster({ settings: kubernetes!, drainMs: 0, clock: systemClock, log });
  try {
    cluster.start(() => undefined);
    const lists = () => server.requests.filter(({ verb }) => verb === 'list').length;
    await expect.poll(lists).toBeGreaterThanOrEqual(16);
    // Each renewal needs an answer.
    const renewals = () =>
      server.requests.filter(({ resource, verb }) => resource === 'leases' && verb === 'update');
    await expect.poll(() => renewals().length).toBeGreaterThan(1);
    expect(cluster.leadership.isLeader).toBe(true);
  } finally {
    await cluster.close();
    await server.close();
    rmSync(folder, { recursive: true });
  }
}, 30_000);
