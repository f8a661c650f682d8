import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { usageOf } from '../../src/cli/usage.ts';
import { parseDemoArgs } from '../../src/demo-backend/options.ts';
import { runProgram } from './program.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'pilotlight-cli-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('the command line', () => {
  it.each([
    [['--help'], 'Usage: pilotlight COMMAND'],
    [['-h'], 'Usage: pilotlight COMMAND'],
    [['help'], 'Usage: pilotlight COMMAND'],
    [['help', 'check'], 'Usage: pilotlight check'],
    [['serve', '--help'], 'Usage: pilotlight [serve]'],
    [['check', '--config', 'x', '--help'], 'Usage: pilotlight check'],
    [['status', '-h'], 'Usage: pilotlight status'],
    [['simulate', '--help'], 'Usage: pilotlight simulate'],
    [['demo-backend', '--help'], 'Usage: pilotlight demo-backend'],
    [['version', '--help'], 'Usage: pilotlight version'],
  ])('prints the usage for %j to stdout, with exit code 0', async (args, beginning) => {
    const { code, stdout, stderr } = await runProgram(args, dir);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.startsWith(beginning)).toBe(true);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(120);
  });

  it.each([
    [['nope'], 'unknown command "nope"'],
    [['toString'], 'unknown command "toString"'],
    [['--nope'], 'serve: unknown flag --nope; it has --config'],
    [['serve', '-c', 'x'], 'serve: unknown flag -c'],
    [['serve', '--config'], 'serve: --config needs a value'],
    [['check', '--config='], 'check: --config needs a value'],
    [['check', 'file.yaml'], 'check: unexpected argument "file.yaml"'],
    [['status', '--config', 'x'], 'status: unknown flag --config; it has --admin'],
    [['version', '--long'], 'version: unknown flag --long; it has none'],
    [['demo-backend', '--nope', '1'], 'demo-backend: unknown flag --nope'],
    [['demo-backend', '--port', '65536'], 'demo-backend: --port: "65536" is not a whole number'],
  ])('refuses %j in one line, with exit code 2', async (args, message) => {
    const { code, stdout, stderr } = await runProgram(args, dir);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(`pilotlight: ${message}`);
    expect(stderr.trimEnd()).not.toContain('\n');
  });

  it('says in one line which file it does not find, and how to name another', async () => {
    const { code, stderr } = await runProgram(['serve'], dir);
    expect(code).toBe(1);
    expect(stderr).toBe('pilotlight.yaml: does not exist (name another with --config FILE)\n');
  });

  it('says in one line that a folder is no configuration', async () => {
    const { code, stderr } = await runProgram(['check', '--config', dir]);
    expect([code, stderr]).toEqual([1, `${dir}: is a folder, not a file\n`]);
  });

  it('prints the version', async () => {
    for (const args of [['version'], ['--version']])
      expect(await runProgram(args, dir)).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      });
  });
});

it('the usage of the demo backend tells its defaults', () => {
  const told = usageOf('demo-backend').matchAll(/^ {2}--([a-z-]+).*default: (\S+)$/gm);
  const flags = [...told].flatMap(([, flag, value]) => [`--${flag}`, value!]);
  expect(flags).toHaveLength(22);
  expect(parseDemoArgs(flags)).toEqual(parseDemoArgs([]));
});
