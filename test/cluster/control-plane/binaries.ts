import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Go is not there or too old: the message says how to get it. */
export class NoGoError extends Error {
  override readonly name = 'NoGoError';
}

const kubernetesVersion = 'v1.36.3';
const helmModule = 'helm.sh/helm/v3/cmd/helm@v3.22.0';
const sources = import.meta.dirname;

const noGo = `test:cluster needs Go 1.26 or newer to build the control plane, and found none.
Get it from https://go.dev/dl/ and put its bin folder on the PATH (or set GO to the go program), then run it again.`;

/** The go program and its version, as `go version` prints it. */
interface Go {
  readonly file: string;
  readonly version: string;
}

function findGo(): Go {
  const places = [process.env.GO, 'go', '/usr/local/go/bin/go'].filter((place) => place !== undefined);
  for (const file of places) {
    const { status, stdout } = spawnSync(file, ['version'], { encoding: 'utf8' });
    const match = /go1\.(\d+)/.exec(stdout ?? '');
    if (status === 0 && match !== null && Number(match[1]) >= 26) return { file, version: stdout.trim() };
  }
  throw new NoGoError(noGo);
}

function linkerFlags(): string {
  const name = 'k8s.io/component-base/version';
  const facts = {
    gitVersion: kubernetesVersion,
    gitCommit: 'unknown',
    gitTreeState: 'clean',
    buildDate: '2026-01-01T00:00:00Z',
    gitMajor: '1',
    gitMinor: kubernetesVersion.split('.')[1],
  };
  return ['-s -w', ...Object.entries(facts).map(([key, value]) => `-X ${name}.${key}=${value}`)].join(' ');
}

/**
 * The path of `name` in the cache, built by `build` into a folder of its own when the key is new, then renamed:
 * of two runs at a time both build and either's result stays.
 */
function cached(name: string, key: readonly (string | Buffer)[], build: (folder: string) => void): string {
  const hash = createHash('sha256');
  for (const part of key) hash.update(part).update('\0');
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  const root = join(cache, 'pilotlight', 'control-plane');
  const folder = join(root, hash.digest('hex').slice(0, 16));
  const file = join(folder, name);
  if (existsSync(file)) return file;
  console.error(`building ${name} (minutes the first time; kept in ${root})`);
  mkdirSync(root, { recursive: true });
  const made = mkdtempSync(join(root, 'building-'));
  try {
    build(made);
    renameSync(made, folder);
  } catch (error) {
    if (!existsSync(file)) throw error;
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
  return file;
}

/**
 * Both programs of the suite: `kubebox` (etcd, the API server, the controller manager, the scheduler, kubectl) and
 * `helm`, from the cache or built into it. Throws NoGoError, or what the build said.
 */
export function buildBinaries(): { kubebox: string; helm: string } {
  const go = findGo();
  const env = { ...process.env, CGO_ENABLED: '0', GOTOOLCHAIN: 'local', GOFLAGS: '' };
  const run = (args: readonly string[], extra: Record<string, string> = {}) =>
    execFileSync(go.file, args, { cwd: sources, env: { ...env, ...extra }, stdio: ['ignore', 2, 2] });
  const files = ['go.mod', 'go.sum', 'main.go'].map((name) => readFileSync(join(sources, name)));
  const flags = linkerFlags();
  const kubebox = cached('kubebox', [go.version, flags, ...files], (folder) => {
    run(['build', '-trimpath', '-buildvcs=false', '-ldflags', flags, '-o', join(folder, 'kubebox'), '.']);
  });
  const helm = cached('helm', [go.version, helmModule], (folder) => {
    run(['install', '-trimpath', '-ldflags', '-s -w', helmModule], { GOBIN: folder });
  });
  return { kubebox, helm };
}
