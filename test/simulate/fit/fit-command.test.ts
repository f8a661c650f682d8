import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/cli/flags.ts';
import { simulateCommand } from '../../../src/cli/simulate.ts';
import type { SimulationReport } from '../../../src/simulate/report.ts';
import { runProgram } from '../../cli/program.ts';

const dir = mkdtempSync(join(tmpdir(), 'pilotlight-fit-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const names = ['llama', 'org/model:v1', '1', 'true', `"'#: {}\\<b>`, '模型', '- a'];

const trace = join(dir, 'some.csv');
const rows = names.flatMap((name, index) =>
  Array.from({ length: 40 }, (_, at) => `${at * 600 * (index + 1)},"${name.replaceAll('"', '""')}",5`),
);
writeFileSync(trace, `arrival_s,model,exec_s\n${rows.join('\n')}\n0,"a\u0007b",1\n`);

const args = ['simulate', '--trace', trace, '--load', '30s', '--fit', 'cold<20%'];

describe('pilotlight simulate --fit', () => {
  it('prints a configuration that check accepts, whatever the models are called', async () => {
    const { code, stdout, stderr } = await runProgram(args);
    expect([code, stderr]).toEqual([0, '']);
    const yaml = stdout.slice(stdout.indexOf('# The backends'));
    const file = join(dir, 'pilotlight.yaml');
    writeFileSync(file, yaml);
    const checked = await runProgram(['check', '--config', file]);
    expect([checked.code, checked.stderr]).toEqual([0, '']);
    expect(checked.stdout).toContain(`${names.length} model(s): `);
    for (const name of names) expect(checked.stdout).toContain(name);
    expect(yaml).toContain('# no model can be named "a\\u0007b"');
    expect(stdout).toMatch(
      /\ncold<20% with the fewest replica-hours: chosen on the first \S+, judged on the rest; \d+ sim/,
    );
    expect(stdout).toMatch(/\nSETTINGS +BEST +PART +KEPT +COLD % /);
    expect(stdout).toMatch(/\nProposed: /);
    expect(stdout.split('\n').filter((line) => /^(fixed|always)/.test(line))).toHaveLength(2);
  });

  it('has all of it in the JSON and on the page', async () => {
    const page = join(dir, 'page.html');
    const { stdout } = await runProgram([...args, '--json', '--html', page]);
    const { fit } = JSON.parse(stdout) as SimulationReport;
    expect(fit).toMatchObject({ target: 'cold<20%', by: 'hours', replicasNeeded: null });
    expect(fit!.options.map(({ kind }) => kind).toSorted()).toEqual([
      'a learned idle time',
      'an idle time for each model',
      'one idle time',
    ]);
    const html = readFileSync(page, 'utf8');
    expect(html).toContain('<h2>Proposed settings</h2>');
    expect(html).toContain('&quot;org/model:v1&quot;:\n    backend: {');
    expect(html).not.toContain('<b>');
    expect(html.match(/<text[^>]*>proposed<\/text>/g)).toHaveLength(2);
  });

  it.each([
    [['--fit', 'fast'], '--fit: "fast" is not written as p95<5s'],
    [['--fit', 'p95<5s', '--fit-by', 'price'], '--fit-by: "price" is no figure'],
    [['--fit-by', 'cold'], '--fit-by is for a target: give --fit'],
  ])('refuses %j in one line', async (more, message) => {
    const refused = await simulateCommand(['--trace', trace, '--load', '1s', ...more]).catch(
      (error: unknown) => error,
    );
    expect(refused).toBeInstanceOf(UsageError);
    expect((refused as Error).message).toContain(message);
  });
});
