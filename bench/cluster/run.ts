import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { systemClock } from '../../src/core/clock.ts';
import { loadAccess } from '../../src/kube/access.ts';
import { createKubeApi } from '../../src/kube/client.ts';
import { measureCold } from './cold.ts';
import { tableOf } from './results.ts';

const isQuick = process.argv.includes('--quick');
const results = new URL('../results-kubernetes.md', import.meta.url);
const access = await loadAccess({ kubeconfig: process.env.KUBECONFIG ?? null, context: null }, systemClock);
const api = createKubeApi({ access, clock: systemClock, userAgent: 'bench' });

const { rows, steps } = await measureCold(api, isQuick ? 3 : 20);
const text = `# Results of \`npm run bench:cluster\`

A real control plane (etcd, API server, controller manager, scheduler) and played kubelets on one machine; the gateway
is a process of its own. What each figure means: README.md.

- node: ${process.version}
- machine: ${cpus().length} cores, shared by all of it

## cold
Pods are processes that the kubelet probes each 100 ms. Floor and request take turns.

${tableOf(rows)}

- the gateway's record of its starts, medians: ${steps}
`;
console.log(text);
if (!isQuick) writeFileSync(results, text);
await api.close();
process.exit();
