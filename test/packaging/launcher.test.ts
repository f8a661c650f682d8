import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/** Says which node and which file ran it, with what; stays until SIGTERM when asked to. */
const main = `
if (process.argv[2] === 'stay') {
  process.once('SIGTERM', () => process.exit(7));
  setInterval(() => undefined, 1_000);
}
console.log(JSON.stringify({ node: process.env.RAN_BY, file: import.meta.filename, argv: process.argv.slice(2), pid: process.pid }));
`;

let root: string;
let home: string;
let pathDir: string;

function put(file: string, content: string): void {
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, content);
}

/** A node that claims a version and, when run, passes on to the real one under its own name. */
function putNode(file: string, version: string): void {
  put(
    file,
    `#!/bin/sh\n[ "$1" = --version ] && { echo ${version}; exit; }\nRAN_BY='${file}' exec '${process.execPath}' "$@"\n`,
  );
  chmodSync(file, 0o755);
}

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'pilotlight launcher ')));
  home = join(root, 'lib/node_modules/pilotlight');
  pathDir = join(root, 'path');
  mkdirSync(join(home, 'bin'), { recursive: true });
  mkdirSync(pathDir);
  copyFileSync('bin/pilotlight', join(home, 'bin/pilotlight'));
  for (const tool of ['sh', 'dirname', 'readlink']) {
    const found = execFileSync('/bin/sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).trim();
    symlinkSync(found, join(pathDir, tool));
  }
  put(join(home, 'package.json'), '{"type":"module"}');
  put(join(home, 'dist/main.js'), main);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function launch(args: readonly string[] = [], file = join(home, 'bin/pilotlight')) {
  const result = spawnSync(file, args, { encoding: 'utf8', env: { PATH: pathDir }, cwd: root });
  const ran = result.stdout === '' ? null : (JSON.parse(result.stdout) as Record<string, unknown>);
  return { ran, status: result.status, stderr: result.stderr };
}

describe('the launcher chooses a node', () => {
  it("and takes the path's when it is new enough", () => {
    putNode(join(pathDir, 'node'), 'v24.0.0');
    putNode(join(home, 'node_modules/.bin/node'), 'v26.10.0');
    expect(launch().ran).toMatchObject({ node: join(pathDir, 'node') });
  });

  it.each([
    ["the project's own", 'node_modules/.bin/node'],
    ['the hoisted one beside the package', '../node/bin/node'],
  ])("and takes %s when the path's is old", (_, place) => {
    putNode(join(pathDir, 'node'), 'v20.20.2');
    putNode(join(home, place), 'v26.10.0');
    expect(realpathSync(launch().ran!.node as string)).toBe(realpathSync(join(home, place)));
  });

  it('and takes its own when the path has none', () => {
    putNode(join(home, 'node_modules/.bin/node'), 'v26.10.0');
    expect(launch().ran).toMatchObject({ node: join(home, 'node_modules/.bin/node') });
  });

  it.each([
    ['v20.20.2', 'v20.20.2'],
    [null, 'none'],
  ])('and says in one line what it found (%s) when none fits', (version, found) => {
    if (version !== null) putNode(join(pathDir, 'node'), version);
    const { status, stderr, ran } = launch();
    expect([status, ran]).toEqual([1, null]);
    expect(stderr).toMatch(
      new RegExp(`^pilotlight: needs Node 24 or newer, found ${found} on the PATH; .*\n$`),
    );
  });
});

describe('the launcher runs', () => {
  beforeEach(() => putNode(join(pathDir, 'node'), 'v26.10.0'));

  it('the build of a package, with its arguments as they are', () => {
    const { ran } = launch(['serve', '--config', 'a file.yaml', '']);
    expect(ran).toMatchObject({
      file: join(home, 'dist/main.js'),
      argv: ['serve', '--config', 'a file.yaml', ''],
    });
  });

  it('the sources of a clone, even when it was built', () => {
    // Not below node_modules, where Node strips no types.
    const clone = join(root, 'clone');
    mkdirSync(join(clone, 'bin'), { recursive: true });
    copyFileSync('bin/pilotlight', join(clone, 'bin/pilotlight'));
    put(join(clone, 'package.json'), '{"type":"module"}');
    put(join(clone, 'dist/main.js'), main);
    put(join(clone, 'src/main.ts'), `const typed: number = 1; void typed;${main}`);
    expect(launch([], join(clone, 'bin/pilotlight')).ran).toMatchObject({ file: join(clone, 'src/main.ts') });
  });

  it('through relative and absolute links', () => {
    mkdirSync(join(root, 'lib/node_modules/.bin'));
    symlinkSync('../pilotlight/bin/pilotlight', join(root, 'lib/node_modules/.bin/pilotlight'));
    symlinkSync(join(root, 'lib/node_modules/.bin/pilotlight'), join(root, 'pilotlight'));
    expect(launch([], join(root, 'pilotlight')).ran).toMatchObject({ file: join(home, 'dist/main.js') });
  });

  it('in its own process, so that signals and the exit status go straight through', async () => {
    const child: ChildProcess = spawn(join(home, 'bin/pilotlight'), ['stay'], { env: { PATH: pathDir } });
    const exited = once(child, 'exit');
    const [line] = (await once(child.stdout!, 'data')) as [Buffer];
    expect(JSON.parse(line.toString())).toMatchObject({ pid: child.pid });
    child.kill('SIGTERM');
    expect(await exited).toEqual([7, null]);
  });
});
