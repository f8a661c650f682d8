import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readCopy, readFrom, steps, stepsOf } from './dockerfile.ts';

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

  it.each(['', 'sidecar'])('runs the image %j as a user who is not root, told by number', (stage) => {
    expect(stepsOf(stage).findLast((step) => step.keyword === 'USER')?.text).toBe('1000:1000');
  });

  it('ends with the gateway, which has a health check', () => {
    expect(readFrom(steps.findLast((step) => step.keyword === 'FROM')!.text).stage).toBe('');
    expect(stepsOf('').some((step) => step.keyword === 'HEALTHCHECK')).toBe(true);
  });

  it('has a sidecar that needs no arguments, and differs from the gateway in what it runs alone', () => {
    const made = (stage: string) =>
      stepsOf(stage).filter(({ keyword }) => ['ENV', 'COPY', 'RUN', 'WORKDIR', 'USER'].includes(keyword));
    const sidecar = stepsOf('sidecar');
    expect(made('sidecar')).toEqual(made(''));
    expect(sidecar.find(({ keyword }) => keyword === 'ENTRYPOINT')?.text).toBe(
      '["node", "/app/dist/main.js", "sidecar"]',
    );
    expect(sidecar.some(({ keyword }) => keyword === 'CMD')).toBe(false);
  });

  it('copies what the sidecar runs', () => {
    const targets = stepsOf('sidecar')
      .filter((step) => step.keyword === 'COPY')
      .map((step) => readCopy(step.text).target);
    expect(targets).toEqual(expect.arrayContaining(['dist', 'node_modules']));
    expect(stepsOf('sidecar').find((step) => step.keyword === 'WORKDIR')?.text).toBe('/app');
  });
});
