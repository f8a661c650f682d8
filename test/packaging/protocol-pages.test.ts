import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { surfaceNames } from '../../src/core/surface.ts';

const pages = globSync('docs/protocols/*.md').sort();
const textOf = (page: string) => readFileSync(page, 'utf8');

const model = '  any: { backend: { driver: static, urls: ["http://10.0.0.7:8000"] } }';

/** A page shows the part of a file that is about its surface, or a whole one. */
function fileOf(part: string): string {
  return /^models:/m.test(part) ? part : `${part}\nmodels:\n${model}\n`;
}

describe('the pages of platforms', () => {
  it('are there for each that can be switched on', () => {
    const named = pages.map((page) => basename(page, '.md'));
    // The gateway's own surface is in docs/jobs.md.
    expect(named).toEqual(surfaceNames.filter((name) => name !== 'jobs').sort());
  });

  it.each(pages)('%s shows how its surface is switched on, and only files that are valid', (page) => {
    const source = { file: page, env: new Proxy({}, { get: () => 'x' }), readFile: () => 'y' };
    const parts = [...textOf(page).matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, part]) => fileOf(part!));
    const shown = parts.flatMap((text) => parseConfig(text, source).surfaces.map(({ name }) => name));
    expect(shown).toContain(basename(page, '.md'));
  });

  it.each(pages)('%s links only to what there is', (page) => {
    for (const [, target = ''] of textOf(page).matchAll(/\]\((?!https?:)([^)#]+)(?:#[^)]+)?\)/g)) {
      const file = join('docs/protocols', target);
      expect(existsSync(file), file).toBe(true);
    }
  });
});
