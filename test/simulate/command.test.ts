import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { UsageError } from '../../src/cli/flags.ts';
import { simulateCommand } from '../../src/cli/simulate.ts';
import { usageOf } from '../../src/cli/usage.ts';
import type { SimulationReport } from '../../src/simulate/report.ts';
import { runProgram } from '../cli/program.ts';

const dir = mkdtempSync(join(tmpdir(), 'pilotlight-simulate-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

const trace = join(dir, 'small.csv');
writeFileSync(trace, 'arrival_s,model,exec_s\n0,a,5\n4,a,2\nbroken\n20,a,1\n100,a,60\n');

/** What the command prints, run within this process. */
async function printed(...args: string[]): Promise<string> {
  let text = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((piece) => {
    text += String(piece);
    return true;
  });
  await simulateCommand(args);
  return text;
}

describe('pilotlight simulate', () => {
  it('prints what was played, and a line for each policy, in columns', async () => {
    const args = [
      '--trace',
      trace,
      '--load',
      '10s',
      '--policy',
      'fixed:60s',
      '--policy',
      'always',
      '--price',
      '3.6',
    ];
    const { code, stdout, stderr } = await runProgram(['simulate', ...args]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.split('\n')).toEqual([
      `${trace}: 4 requests (csv), 1 malformed, the first in line 4`,
      '4 requests to 1 model in 2m40s; a start takes 10s',
      '',
      'POLICY     REQUESTS  COLD  COLD %  STARTS  WAIT MEAN   P50    P95    P99  BUSY H  IDLE H  LOADING H  COST',
      'fixed:60s         4     3    75.0       2       6.5s  6.0s  10.0s  10.0s    0.02    0.02       0.01  0.14',
      'always            4     2    50.0       1       4.0s  0.0s  10.0s  10.0s    0.02    0.02       0.00  0.16',
      '',
    ]);
  });

  it('prints everything as JSON, with the figures of each model and what it was played with', async () => {
    const text = await printed(
      '--trace',
      trace,
      '--load',
      '10s',
      '--policy=fixed:1m',
      '--json',
      '--seed',
      '7',
    );
    const report = JSON.parse(text) as SimulationReport;
    expect(report).toMatchObject({
      traces: [{ file: trace, format: 'csv', requests: 4, others: 0, malformed: 1, firstMalformedLine: 4 }],
      requests: 4,
      models: 1,
      load: '10s',
      concurrency: 100,
      maxReplicas: 1,
      price: null,
      seed: 7,
      policies: [{ policy: 'fixed:1m', coldRequests: 3, starts: 2, cost: null, refused: 0 }],
    });
    const { models, policy: _policy, ...all } = report.policies[0]!;
    expect(models).toEqual([{ model: 'a', ...all }]);
  });

  it('compares some policies unasked, and takes requests that are made up', async () => {
    const text = await printed(
      '--generate',
      'poisson:6/hx2',
      '--generate',
      'burst:5@6/d',
      '--for',
      '2d',
      '--load',
      '5s',
    );
    expect(text).toMatch(
      /^\d+ requests generated with seed 1\n\d+ requests to 3 models in 1d2\dh\S+; a start takes 5s\n/,
    );
    const policies = text.split('\n').slice(4, -1);
    expect(policies.map((line) => line.split(' ')[0])).toEqual([
      'fixed:1m',
      'fixed:5m',
      'fixed:10m',
      'fixed:30m',
      'always',
    ]);
  });

  it('prints what its guide shows', async () => {
    const guide = readFileSync('docs/simulate.md', 'utf8');
    const [, args, shown] = /```sh\nbin\/pilotlight simulate (--generate .*)\n```\n\n```\n([^`]*)```/.exec(
      guide,
    )!;
    expect(await printed(...args!.split(' '))).toBe(shown);
  });

  it('finds a trace in the folder PILOTLIGHT_TRACES, and judges from where it is told', async () => {
    vi.stubEnv('PILOTLIGHT_TRACES', dir);
    const text = await printed(
      '--trace',
      'small.csv',
      '--load',
      '10s',
      '--judge-from',
      '20s',
      '--policy',
      'fixed:60s',
    );
    expect(text).toContain('judged from 20s on');
    expect(text).toMatch(/\nfixed:60s +2 +1 +50\.0 /);
  });

  it.each([
    [[], 'what is to be played? Give --trace FILE or --generate'],
    [['--trace', 'x'], 'how long does a start take? Give --load 22.7s'],
    [['--generate', 'often', '--load', '1s'], '--generate: "often" is not written as poisson:6/h'],
    [['--trace', 'x', '--load', 'long'], '--load: "long" is neither a duration nor a quantile'],
    [
      ['--trace', 'x', '--load', '1s', '--policy', 'magic'],
      '--policy: "magic" is no policy; there are fixed:DURATION',
    ],
    [['--trace', 'x', '--load', '1s', '--policy', 'toString'], '--policy: "toString" is no policy'],
    [
      ['--trace', 'x', '--load', '1s', '--policy', 'fixed:0'],
      '--policy: "fixed:0" is not written as fixed:DURATION',
    ],
    [
      ['--trace', 'x', '--load', '1s', '--policy', 'always:1'],
      '--policy: "always:1" is not written as always',
    ],
    [['--trace', 'x', '--load', '1s', '--max', '0'], '--max: "0" is not a whole number from 1 on'],
    [['--trace', 'x', '--load', '1s', '--price', '-1'], '--price: "-1" is not a number from 0 on'],
    [['--trace', 'x', '--load', '1s', '--seed', '1.5'], '--seed: "1.5" is not a whole number from 0 on'],
    [['--trace', 'x', '--load', '1s', '--answer-rate', '0'], '--answer-rate: must be above 0'],
    [['--trace', 'x', '--load', '1s', '--model-from', 'ip'], '--model-from: "ip" is neither host nor path'],
    [['--trace', 'x', '--load', '1s', '--judge-from', 'Monday'], '--judge-from: "Monday" is not a duration'],
    [['--trace', 'x', '--loud'], 'unknown flag --loud; it has --trace, --load'],
  ])('refuses %j in one line', async (args, message) => {
    const refused = await simulateCommand(args).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(UsageError);
    expect((refused as Error).message).toContain(`simulate: ${message}`);
    expect((refused as Error).message).not.toContain('\n');
  });

  it.each([
    [['--trace', join(dir, 'none.csv'), '--load', '1s'], 'there is no trace'],
    [
      ['--trace', trace, '--load', '1s', '--judge-from', '1h'],
      'nothing is left to judge: the last request comes 1m40s after the first',
    ],
    [['--generate', 'poisson:1/d', '--for', '1s', '--load', '1s'], 'there is no request to simulate'],
  ])('says why nothing can be played: %j', async (args, message) => {
    await expect(simulateCommand(args)).rejects.toThrow(message);
  });

  it('has each of its flags in its usage', async () => {
    const told = await simulateCommand(['--nope']).catch((error: Error) => error.message);
    const flags = String(told)
      .match(/--[a-z-]+/g)!
      .slice(1);
    expect(flags.length).toBeGreaterThan(10);
    for (const flag of flags) expect(usageOf('simulate')).toContain(`\n  ${flag} `);
    for (const line of usageOf('simulate').split('\n')) expect(line.length).toBeLessThanOrEqual(120);
  });
});
