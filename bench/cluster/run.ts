import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { systemClock } from '../../src/core/clock.ts';
import { loadAccess } from '../../src/kube/access.ts';
import { createKubeApi } from '../../src/kube/client.ts';
import { measureCold } from './cold.ts';
import { measureEndpoints } from './endpoints.ts';
import { tableOfRows } from './results.ts';

const isQuick = process.argv.includes('--quick');
const only = process.argv.includes('--only') ? process.argv.at(process.argv.indexOf('--only') + 1) : null;
const results = new URL('../results-kubernetes.md', import.meta.url);
const access = await loadAccess({ kubeconfig: process.env.KUBECONFIG ?? null, context: null }, systemClock);
const api = createKubeApi({ access, clock: systemClock, userAgent: 'bench' });

async function coldSection(): Promise<string> {
  const { rows, steps } = await measureCold(api, isQuick ? 3 : 20);
  return `## cold
Pods are processes that the kubelet probes each 100 ms. Floor and request take turns.

${tableOfRows(rows)}

- the gateway's record of its starts, medians: ${steps}
`;
}

async function endpointsSection(): Promise<string> {
  const options = isQuick
    ? { models: 10, rounds: 1, changes: 6, settleMs: 1_000, idleMs: 3_000 }
    : { models: 200, rounds: 3, changes: 50, settleMs: 12_000, idleMs: 30_000 };
  return `## endpoints
${options.models} models of five pods each; memory at rest, garbage collected.

${tableOfRows(await measureEndpoints(api, options))}
`;
}

const cold = only === 'endpoints' ? '' : await coldSection();
const endpoints = only === 'cold' ? '' : await endpointsSection();
const text = `# Results of \`npm run bench:cluster\`

A real control plane (etcd, API server, controller manager, scheduler) and played kubelets on one machine; the gateway
is a process of its own. What each figure means: README.md.

- node: ${process.version}
- machine: ${cpus().length} cores, shared by all of it

${[cold, endpoints].filter((section) => section !== '').join('\n')}`;
console.log(text);
if (!isQuick && only === null) writeFileSync(results, text);
await api.close();
process.exit();
