import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';

const readme = readFileSync('README.md', 'utf8');
const configs = [...readme.matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => match[1]!);

describe('README.md', () => {
  it('shows three configurations', () => {
    expect(configs).toHaveLength(3);
  });

  it.each(configs)('shows a configuration that is valid:\n%s', (text) => {
    const source = { file: 'pilotlight.yaml', env: {}, readFile: () => '' };
    expect(parseConfig(text, source).models.size).toBe(1);
  });

  it('names only npm scripts that there are', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: object };
    const named = [...readme.matchAll(/npm (start|test)\b|npm run (\w+)/g)].map(
      (match) => match[1] ?? match[2],
    );
    expect(named).toEqual(expect.arrayContaining(['start', 'test']));
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(named));
  });

  it('links only to files that there are', () => {
    const targets = [...readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map((match) => match[1]!);
    expect(targets.length).toBeGreaterThan(5);
    expect(targets.filter((target) => !existsSync(target))).toEqual([]);
  });
});
