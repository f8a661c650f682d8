import { describe, expect, it } from 'vitest';
import { Companions } from '../src/companions.ts';
import { parseConfig } from '../src/config/load.ts';
import type { ModelSettings } from '../src/config/settings.ts';
import type { ErrorCode } from '../src/core/error-table.ts';
import { PilotlightError } from '../src/core/errors.ts';

/** Models of a file by what they wake, and what becomes of them. */
function models(wakes: Readonly<Record<string, readonly string[]>>) {
  const discovery = 'kubernetes: { discovery: { models: true } }\n';
  const yaml = Object.entries(wakes).map(
    ([name, wakeWith]) =>
      `  ${name}: { backend: { driver: static, urls: ["http://${name}"] }, wakeWith: [${wakeWith.join()}] }\n`,
  );
  const source = { file: 'test.yaml', env: {}, readFile: () => '' };
  const settings = parseConfig(`${discovery}models:\n${yaml.join('')}`, source).models;
  const woken: string[] = [];
  const missing: string[] = [];
  const byName = new Map(
    [...settings].map(([name, entry]) => [
      name,
      { entry: { settings: entry }, warm: () => void woken.push(name) },
    ]),
  );
  const companions = new Companions({
    find: (name) => byName.get(name),
    onMissing: (model, companion) => missing.push(`${model} ${companion}`),
  });
  return { companions, woken, missing, of: (name: string) => settings.get(name) as ModelSettings };
}

/** What stands for a model that is asked for. */
function activator(state: string, code: ErrorCode | null = null) {
  const info = { state, step: null, detail: null, etaMs: null, sinceMs: null };
  const refusal = code === null ? null : new PilotlightError(code, 'refused');
  return { wakeInfo: () => info, whenCold: () => refusal };
}

describe('companions', () => {
  it('are woken with theirs, each once, and never the one that names them', () => {
    const { companions, woken, of } = models({ a: ['b', 'c'], b: ['c', 'a', 'd'], c: ['b'], d: ['a'] });
    companions.wakeOf(of('a'));
    expect(woken).toEqual(['b', 'c', 'd']);
  });

  it('that are not there are told of once for a configuration, and hold up no other', () => {
    const { companions, woken, missing, of } = models({ a: ['gone', 'b'], b: ['lost'] });
    companions.wakeOf(of('a'));
    companions.wakeOf(of('a'));
    expect([woken, missing]).toEqual([
      ['b', 'b'],
      ['a gone', 'b lost'],
    ]);
    companions.reset();
    companions.wakeOf(of('b'));
    expect(missing).toEqual(['a gone', 'b lost', 'b lost']);
  });

  it.each([
    ['cold', null, true],
    ['draining', null, true],
    ['failed', null, true],
    ['cold', 'cold', true],
    ['cold', 'would_not_make_it', true],
    ['starting', null, false],
    ['starting', 'would_not_make_it', false],
    ['ready', null, false],
    ['cold', 'standby', false],
    ['paused', 'paused', false],
    ['failed', 'start_failed', false],
    ['failed', 'no_capacity', false],
    ['draining', 'draining', false],
  ] as const)('of a model that is %s, whose request gets %s: woken %s', (state, code, isWoken) => {
    const { companions, woken, of } = models({ a: ['b'], b: [] });
    const refusal = companions.wakeWith(activator(state, code), of('a'));
    expect([refusal?.code ?? null, woken]).toEqual([code, isWoken ? ['b'] : []]);
  });
});
