import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { simulateCommand } from '../../../src/cli/simulate.ts';

const dir = mkdtempSync(join(tmpdir(), 'pilotlight-page-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const hostile = `</svg></title></style><script src=//evil.example>'"&`;
const trace = join(dir, 'small.csv');
writeFileSync(
  trace,
  `arrival_s,model,exec_s\n0,"${hostile.replaceAll('"', '""')}",5\n4000,b,2\n4100,b,1\n9000,b,60\n`,
);

async function written(...more: string[]): Promise<string> {
  const file = join(dir, 'page.html');
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  await simulateCommand([
    ...['--trace', trace, '--load', '10s', '--policy', 'fixed:10m', '--policy', 'always', '--html', file],
    ...more,
  ]);
  vi.restoreAllMocks();
  return readFileSync(file, 'utf8');
}

/** Names of elements that are opened and not closed, or closed and not opened; those that have no end left out. */
function unbalanced(page: string): string[] {
  const open: string[] = [];
  const wrong: string[] = [];
  for (const [, isEnd, name = '', isEmpty] of page.matchAll(
    /<(\/?)([a-z][a-z0-9]*)(?:\s(?:[^"'>]|"[^"]*")*?)?(\/?)>/g,
  )) {
    if (isEmpty === '/' || name === 'meta') continue;
    if (isEnd !== '/') open.push(name);
    else if (open.pop() !== name) wrong.push(name);
  }
  return [...wrong, ...open];
}

describe('the page of a simulation', () => {
  let page = '';
  beforeAll(async () => {
    page = await written('--day-of', hostile, '--price', '2');
  });

  it('has the comparison, both trade-offs, a day for each policy, the models and how it was made', () => {
    expect([...page.matchAll(/<h2>(.*?)<\/h2>/g)].map(([, title]) => title)).toEqual([
      'The policies',
      'What waiting costs',
      'One day of &lt;/svg&gt;&lt;/title&gt;&lt;/style&gt;&lt;script src=//evil.example&gt;&#39;&quot;&amp;',
      'The models',
      'How it was made',
    ]);
    const labels = [...page.matchAll(/role="img" aria-label="([^"]*)"/g)].map(([, label]) => label);
    expect(labels).toEqual([
      'Cold requests against idle replica-hours',
      'Wait that 95 % of the requests stay below against idle replica-hours',
      'Requests and replicas by fixed:10m',
      'Requests and replicas by always',
    ]);
    expect(page).toContain('<td>fixed:10m</td><td>4</td><td>3</td><td>75.0</td>');
    expect(page).toContain('<th scope="col">COST</th>');
    expect(page).toMatch(/pilotlight \d+\.\d+\.\d+/);
    expect(page).toContain('--load 10s --policy fixed:10m --policy always');
  });

  it('has a point for each policy in each trade-off, and a line along those that nothing beats', () => {
    // 10 fixed times, of which one was asked for, 7 prices, and `always`.
    expect([...page.matchAll(/<g class="point fixed">/g)]).toHaveLength(2 * 10);
    expect([...page.matchAll(/<g class="point adaptive">/g)]).toHaveLength(2 * 7);
    expect([...page.matchAll(/<g class="point other">/g)]).toHaveLength(2);
    expect([...page.matchAll(/<path class="frontier" d="M[\d.]+ [\d.]+(H[\d.]+V[\d.]+)*"\/>/g)]).toHaveLength(
      2,
    );
    expect(page).not.toMatch(/NaN|Infinity|undefined|\[object/);
  });

  it('lets no name of a model become markup', () => {
    expect(page).not.toContain('<script');
    expect(page).not.toContain(hostile);
    expect(unbalanced(page)).toEqual([]);
    expect(page.match(/<\/style>/g)).toHaveLength(1);
  });

  it('needs nothing from elsewhere, runs nothing, and allows nothing but its own style', () => {
    expect(page).not.toMatch(/\s(?:on\w+|style|src|href)\s*=\s*"/);
    expect(page).not.toMatch(/url\(|@import|https?:/);
    const [, style = ''] = /<style>([\s\S]*?)<\/style>/.exec(page)!;
    const hash = createHash('sha256').update(style).digest('base64');
    expect(page).toContain(
      `http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;; style-src &#39;sha256-${hash}&#39;;`,
    );
    expect(page.indexOf('Content-Security-Policy')).toBeLessThan(page.indexOf('<style>'));
  });

  it('shows the model that was asked most on one day unasked, and is the same each time', async () => {
    const other = await written();
    expect(other).toContain('<h2>One day of b</h2>');
    expect(await written()).toBe(other);
  });

  it('is refused before anything is played where it cannot be written, or the model is none', async () => {
    const args = ['--trace', trace, '--load', '10s'];
    await expect(simulateCommand([...args, '--html', join(dir, 'none', 'x.html')])).rejects.toThrow(
      /^cannot write .*x\.html: /,
    );
    await expect(
      simulateCommand([...args, '--html', join(dir, 'x.html'), '--day-of', 'nobody']),
    ).rejects.toThrow('no model of the trace is named "nobody"');
    await expect(simulateCommand([...args, '--day-of', 'b'])).rejects.toThrow(
      'simulate: --day-of is drawn on a page: give --html FILE',
    );
  });
});
