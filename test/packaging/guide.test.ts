import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { type ErrorCode, errorTable } from '../../src/core/error-table.ts';
import { anthropic } from '../../src/protocols/anthropic.ts';
import { openai } from '../../src/protocols/openai.ts';

const pages = [
  'requests',
  'jobs',
  'redis',
  'backends',
  'autoscaling',
  'gpus',
  'kubernetes',
  'grpc',
  'sidecar',
  'sidecar-telemetry',
  'operating',
].map((name) => `docs/${name}.md`);
const textOf = (page: string) => readFileSync(page, 'utf8');
const all = pages.map(textOf).join('\n');

/** As GitHub makes the anchor of a heading. */
function anchorsOf(text: string): string[] {
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map((match) => match[1]!.toLowerCase());
  return headings.map((heading) => heading.replace(/[^\w\- ]/g, '').replaceAll(' ', '-'));
}

describe('the guide', () => {
  it.each(pages)('%s is linked from the README', (page) => {
    expect(textOf('README.md')).toContain(`](${page})`);
  });

  it.each(pages)('%s shows only configurations that are valid', (page) => {
    const source = { file: page, env: new Proxy({}, { get: () => 'x' }), readFile: () => 'y' };
    for (const [, text] of textOf(page).matchAll(/```yaml\n([\s\S]*?)```/g))
      expect(parseConfig(text!, source).models.size).toBe(1);
  });

  it.each(pages)('%s links only to what there is', (page) => {
    for (const [, target = '', anchor] of textOf(page).matchAll(/\]\((?!https?:)([^)#]+)(?:#([^)]+))?\)/g)) {
      const file = join('docs', target);
      expect(existsSync(file), file).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(textOf(file))).toContain(anchor);
    }
  });

  it('gives every error that it names its status', () => {
    const named = [...all.matchAll(/\b([45]\d\d) `([a-z_]+)`/g)];
    expect(named.length).toBeGreaterThan(20);
    for (const [, status, code] of named)
      expect(errorTable[code as ErrorCode]?.status, code).toBe(Number(status));
  });

  it('names every route of the protocols', () => {
    const text = textOf('docs/requests.md');
    for (const { path } of [openai, anthropic].flatMap(({ routes }) => routes)) expect(text).toContain(path);
  });

  it('names only metrics that there are', () => {
    const known = textOf('docs/metrics.md') + textOf('docs/sidecar-reference.md');
    const named = [...all.matchAll(/pilotlight_[a-z_]+/g)].map(([name]) => name.replace(/_bucket$/, ''));
    expect(named.length).toBeGreaterThan(8);
    expect(named.filter((name) => !known.includes(`\`${name}\``))).toEqual([]);
  });
});
