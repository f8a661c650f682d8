import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

/** The environment of the installed program: this test's own node first, npm from its cache where it can. */
const stagedEnv: NodeJS.ProcessEnv = {
  ...process.env,
  PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
  npm_config_prefer_offline: 'true',
  npm_config_audit: 'false',
  npm_config_fund: 'false',
};

export function makeStage(): string {
  return realpathSync(mkdtempSync(join(tmpdir(), 'pilotlight-package-')));
}

/** Runs a shell line to its end; throws with its output when it fails. */
export function sh(line: string, cwd: string): string {
  const result = spawnSync('/bin/sh', ['-c', line], { cwd, env: stagedEnv, encoding: 'utf8' });
  if (result.status !== 0)
    throw new Error(`${line}: status ${result.status}\n${result.stdout}${result.stderr}`);
  return result.stdout;
}

/** Where a program runs, and what its environment has beyond this test's. */
interface ProgramPlace {
  readonly cwd: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** A program started for one test; `stop` sends SIGTERM and resolves with the exit status. */
export function startProgram(file: string, args: readonly string[], { cwd, environment }: ProgramPlace) {
  const env = { ...stagedEnv, ...environment };
  const child: ChildProcess = spawn(file, args, { cwd, env, stdio: 'ignore' });
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
  return {
    async stop() {
      child.kill('SIGTERM');
      return (await exited)[0];
    },
  };
}
