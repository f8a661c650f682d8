import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { systemClock } from '../../src/core/clock.ts';
import { loadAccess } from '../../src/kube/access.ts';
import { createKubeApi } from '../../src/kube/client.ts';
import { auditLogOf } from './control-plane/audit.ts';
import { ControlPlane, layNetwork } from './control-plane/control-plane.ts';
import { startControls } from './control-plane/controls.ts';
import { PlayedKubelet } from './kubelet/played-kubelet.ts';
import { layResolver } from './network/resolver-files.ts';
import { startServiceNetwork } from './network/service-network.ts';

const nodeNames = ['gpu-0', 'gpu-1'];

const bench = new URL('../../bench/cluster/run.ts', import.meta.url).pathname;

const isBench = process.argv[2] === '--bench';

/** Runs vitest, or the benchmark after `--bench`, with the suite's environment; resolves with its exit code. */
async function runTests(env: NodeJS.ProcessEnv): Promise<number> {
  const vitest = resolve('node_modules/vitest/vitest.mjs');
  const rest = process.argv.slice(3);
  const tests = [vitest, 'run', '--config', 'vitest.cluster.config.ts', ...process.argv.slice(2)];
  const args = isBench ? [bench, ...rest] : tests;
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'], env });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

/** The cluster, then the tests, in order; resolves with the exit code. */
async function main(folder: string): Promise<number> {
  const startMs = performance.now();
  layNetwork();
  layResolver(folder);
  const plane = new ControlPlane(process.env.KUBEBOX!, folder);
  await plane.start();
  const access = await loadAccess({ kubeconfig: plane.credentials.kubelet, context: null }, systemClock);
  const api = createKubeApi({ access, clock: systemClock, userAgent: 'played-kubelet' });
  const nodes = new Map(nodeNames.map((name, index) => [name, new PlayedKubelet({ api, name, index })]));
  for (const node of nodes.values()) await node.start();
  // Nothing that is measured goes through a Service.
  if (!isBench) await startServiceNetwork(api);
  const controls = await startControls(plane, nodes);
  console.error(`cluster ready after ${((performance.now() - startMs) / 1_000).toFixed(1)} s`);
  const { admin } = plane.credentials;
  return await runTests({
    ...process.env,
    KUBECONFIG: admin,
    CLUSTER_CONTROLS: controls.url,
    AUDIT_LOG: auditLogOf(folder),
  });
}

// This is the first process of its namespace: when it ends, for whatever reason, the kernel ends all the others.
const folder = mkdtempSync(join(tmpdir(), 'pilotlight-cluster-'));
process.stdin.resume();
process.stdin.once('close', () => {
  rmSync(folder, { recursive: true, force: true });
  process.exit(130);
});
let code = 1;
try {
  code = await main(folder);
} catch (error) {
  console.error(error);
}
if (code === 0) rmSync(folder, { recursive: true, force: true });
else console.error(`logs of the control plane: ${folder}`);
process.exit(code);
