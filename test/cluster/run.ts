import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { buildBinaries, NoGoError } from './control-plane/binaries.ts';

/** Exit codes of the runner itself; else that of vitest. */
const exitCodes = { noGo: 69, noNamespace: 71 };

/** Runs `inside.ts` in network, mount and process namespaces of its own; resolves with its exit code. */
async function runInNamespace(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const isRoot = process.getuid?.() === 0;
  const kinds = ['--net', '--mount', '--pid', '--fork', '--kill-child'];
  const namespaces = [...(isRoot ? [] : ['--map-root-user']), ...kinds];
  const inside = join(import.meta.dirname, 'inside.ts');
  // The kernel ends all of a process namespace with its first process, which ends when this pipe does.
  const child = spawn('unshare', [...namespaces, process.execPath, inside, ...args], {
    stdio: ['pipe', 'inherit', 'inherit'],
    env,
    detached: true,
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => child.stdin?.destroy());
  }
  return await new Promise((resolve) => {
    child.once('error', (error) => {
      console.error(`test:cluster needs unshare (util-linux) on Linux: ${error.message}`);
      resolve(exitCodes.noNamespace);
    });
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

try {
  const { kubebox, helm } = buildBinaries();
  const env = { ...process.env, KUBEBOX: kubebox, HELM: helm };
  process.exitCode = await runInNamespace(process.argv.slice(2), env);
} catch (error) {
  if (!(error instanceof NoGoError)) throw error;
  console.error(error.message);
  process.exitCode = exitCodes.noGo;
}
