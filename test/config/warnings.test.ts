import { describe, expect, it } from 'vitest';
import { warningsOf } from '../../src/config/warnings.ts';
import { fileWith, parse } from './parse.ts';

const quiet = 'server: { drain: 10m }';

describe('warnings', () => {
  it('are none when there is nothing to warn of', () => {
    expect(warningsOf(parse(fileWith({ top: quiet })))).toEqual([]);
  });

  it.each([
    [
      'a drain shorter than a start',
      {},
      /^server\.drain \(1m\) is shorter than models\.llama ready\.startup \(10m\)/,
    ],
    [
      'open access from everywhere',
      { top: `${quiet}\nauth: open`.replace('{', '{ listen: ":80",') },
      /^auth: open on 0\.0\.0\.0:80/,
    ],
    [
      'keys without TLS',
      { top: `auth: { keys: [{ name: a, key: b }] }\n${quiet.replace('{', '{ listen: ":80",')}` },
      /^server\.tls is not set/,
    ],
    [
      'a wait shorter than a start',
      { top: quiet, model: 'queue: { timeout: 1m }' },
      /^models\.llama lets requests wait 1m, less than ready\.startup \(10m\)/,
    ],
    [
      'a total shorter than a start',
      { top: quiet, model: 'timeouts: { total: 5m }' },
      /^models\.llama lets requests wait 5m/,
    ],
    [
      'first without a limit',
      { top: quiet, model: 'concurrency: 0\nscale: { max: 2 }\nbalance: { strategy: first }' },
      /^models\.llama\.balance\.strategy first/,
    ],
  ])('tell of %s', (_, parts, warning) => {
    expect(warningsOf(parse(fileWith(parts)))).toEqual([expect.stringMatching(warning)]);
  });

  it('tell of the drain once, with the longest start and how many more there are', () => {
    const model = (startup: string) =>
      `{ backend: { driver: process, command: [x, "{port}"], ready: { startup: ${startup} } } }`;
    const file = `models: { a: ${model('5m')}, b: ${model('20m')}, c: ${model('10s')}, d: ${model('2m')} }`;
    expect(warningsOf(parse(file))).toEqual([
      'server.drain (1m) is shorter than models.b ready.startup (20m), and than that of 2 more: ' +
        'a shutdown during a start fails its waiters',
    ]);
  });

  it('tell of a command without {port}, unless it is in the environment', () => {
    const file = (env: string) =>
      `${quiet}\nmodels: { m: { backend: { driver: process, command: [x], env: { ${env} } } } }`;
    expect(warningsOf(parse(file('')))).toEqual([expect.stringContaining('does not use {port}')]);
    expect(warningsOf(parse(file('PORT: "{port}"')))).toEqual([]);
  });

  it('do not tell of a drain without end, nor where nobody waits for a start', () => {
    expect(warningsOf(parse(fileWith({ top: 'server: { drain: 0 }' })))).toEqual([]);
    expect(warningsOf(parse(fileWith({ model: 'cold: reject' })))).toEqual([]);
  });
});
