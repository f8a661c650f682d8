import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);
const node = resolve('node_modules/.bin/node');

describe('the generated references', () => {
  it('are in step with the code', async () => {
    await expect(run(node, ['scripts/generate.ts', '--check'])).resolves.toMatchObject({ stderr: '' });
  });

  it('are named when they are not, and written again', async () => {
    const copy = await mkdtemp(join(tmpdir(), 'pilotlight-generate-'));
    try {
      for (const part of ['src', 'scripts', 'docs', 'deploy', 'package.json']) {
        await cp(part, join(copy, part), { recursive: true });
      }
      await symlink(resolve('node_modules'), join(copy, 'node_modules'));
      await writeFile(join(copy, 'docs/errors.md'), 'stale');
      await rm(join(copy, 'docs/configuration.md'));
      const script = join(copy, 'scripts/generate.ts');
      await expect(run(node, [script, '--check'])).rejects.toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^docs\/configuration\.md .*\ndocs\/errors\.md .*\n$/),
      });
      expect(await readFile(join(copy, 'docs/errors.md'), 'utf8')).toBe('stale');
      await run(node, [script]);
      await expect(run(node, [script, '--check'])).resolves.toMatchObject({ stderr: '' });
    } finally {
      await rm(copy, { recursive: true });
    }
  });
});
