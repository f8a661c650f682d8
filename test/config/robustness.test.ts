import { globSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/config/load.ts';
import { parse } from './parse.ts';

const examples = globSync('examples/*.yaml').map((file) => readFileSync(file, 'utf8'));

/** What parsing ends in: settings, or faults with a message each. */
function expectNamedFaults(text: string): void {
  try {
    parse(text);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    const { faults } = error as ConfigError;
    expect(faults.length).toBeGreaterThan(0);
    // The YAML parser words its own faults; those of the schema must be ours and not its library's.
    for (const { message } of faults) expect(message).toMatch(/^YAML: .|^(?!.*(Invalid|pattern|undefined))./);
  }
}

describe('whatever the file holds', () => {
  it('a damaged file gives settings or named faults, never another error', () => {
    const damaged = fc
      .tuple(fc.constantFrom(...examples), fc.nat(), fc.nat({ max: 40 }), fc.string({ maxLength: 8 }))
      .map(([text, at, count, put]) => {
        const start = at % text.length;
        return text.slice(0, start) + put + text.slice(start + count);
      });
    fc.assert(fc.property(damaged, expectNamedFaults), { numRuns: 100 });
  });

  it('a value of the wrong kind anywhere gives named faults, never another error', () => {
    const key = fc.constantFrom(
      ...[
        'server',
        'auth',
        'keys',
        'models',
        'a',
        'backend',
        'driver',
        'urls',
        'ready',
        'tcp',
        'queue',
        'max',
      ],
      ...['scale', 'timeouts', 'match', 'balance', 'session', 'admin', 'listen', 'log', 'store', 'headers'],
    );
    const leaf = fc.constantFrom(
      null,
      true,
      0,
      -1,
      1.5,
      '',
      'static',
      'process',
      '5s',
      '1MiB',
      ':80',
      'open',
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: 'medium' },
        leaf,
        fc.dictionary(key, tie('tree')),
        fc.array(tie('tree'), { maxLength: 3 }),
      ),
    }));
    const file = fc.dictionary(key, tree, { minKeys: 1 }).map((root) => JSON.stringify(root));
    fc.assert(fc.property(file, expectNamedFaults), { numRuns: 100 });
  });
});
