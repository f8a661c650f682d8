import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, globSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const referenceDir = join(import.meta.dirname, 'reference');

/** The path of a program, looked up like a shell does, or null. sbin is looked at too: nginx and HAProxy live there. */
export function which(name: string): string | null {
  const folders = [
    ...(process.env.PATH ?? '').split(delimiter),
    '/usr/sbin',
    '/usr/local/sbin',
    '/usr/local/go/bin',
  ];
  return folders.map((folder) => join(folder, name)).find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Where the compiled programs are. */
export interface Compiled {
  readonly reverseProxy: string;
  readonly stub: string;
  readonly load: string;
}

/**
 * Compiles bench/reference into a cache outside the checkout, named by the hash of its sources, or finds it there.
 * Null without Go. Throws when it does not compile.
 */
export function compileReferences(): Compiled | null {
  const go = which('go');
  const sources = globSync('**/*.{go,mod}', { cwd: referenceDir }).toSorted();
  const hash = createHash('sha256').update(String(process.getuid?.()));
  for (const source of sources) hash.update(source).update(readFileSync(join(referenceDir, source)));
  const cache = join(tmpdir(), `pilotlight-bench-${hash.digest('hex').slice(0, 16)}`);
  if (!existsSync(cache)) {
    if (go === null) return null;
    // Built beside and moved, so that a build that was interrupted is never taken for a whole one.
    const unfinished = `${cache}.${process.pid}`;
    mkdirSync(unfinished, { mode: 0o700 });
    execFileSync(go, ['build', '-o', `${unfinished}/`, './...'], { cwd: referenceDir, stdio: 'inherit' });
    renameSync(unfinished, cache);
  }
  return {
    reverseProxy: join(cache, 'reverse-proxy'),
    stub: join(cache, 'stub'),
    load: join(cache, 'load'),
  };
}

/** One line on each tool: its version, or that it is not installed. */
export function versions(): string[] {
  const asked: readonly (readonly [string, ...string[]])[] = [
    ['go', 'version'],
    ['nginx', '-v'],
    ['haproxy', '-v'],
    ['wrk', '-v'],
  ];
  const found = asked.map(([name, ...args]) => {
    const path = which(name);
    if (path === null) return `${name}: not installed`;
    const { stdout, stderr } = spawnSync(path, args, { encoding: 'utf8' });
    return `${name}: ${`${stdout}${stderr}`.trim().split('\n')[0]}`;
  });
  return [`node: ${process.version}`, ...found];
}
