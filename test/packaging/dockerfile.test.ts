import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readCopy, steps } from './dockerfile.ts';

const included = readFileSync('.dockerignore', 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('!'))
  .map((line) => line.slice(1));

describe('the Dockerfile', () => {
  it('copies only what is there and what .dockerignore lets through', () => {
    const copies = steps.filter((step) => step.keyword === 'COPY').map((step) => readCopy(step.text));
    const sources = copies.filter((copy) => copy.from === null).flatMap((copy) => copy.sources);
    expect(sources.filter((source) => !existsSync(source))).toEqual([]);
    expect([...new Set(sources)].sort()).toEqual([...included].sort());
  });

  it('ends as a user who is not root, with a health check', () => {
    const last = steps.slice(steps.findLastIndex((step) => step.keyword === 'FROM'));
    expect(last.find((step) => step.keyword === 'USER')?.text).toBe('node');
    expect(last.some((step) => step.keyword === 'HEALTHCHECK')).toBe(true);
  });
});
