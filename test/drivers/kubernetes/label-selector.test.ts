import { describe, expect, it } from 'vitest';
import { parseSelector } from '../../../src/drivers/kubernetes/label-selector.ts';

describe('a label selector', () => {
  it.each([
    ['app=web', { app: 'web' }, true],
    ['app==web', { app: 'web' }, true],
    ['app=web', { app: 'api' }, false],
    ['app=web,tier!=db', { app: 'web' }, true],
    ['app=web,tier!=db', { app: 'web', tier: 'db' }, false],
    ['env in (a, b)', { env: 'b' }, true],
    ['env in (a,b),app=web', { env: 'c', app: 'web' }, false],
    ['env notin (a,b)', {}, true],
    ['env notin (a,b)', { env: 'a' }, false],
    ['!canary', {}, true],
    ['!canary', { canary: '' }, false],
    ['canary', { canary: '' }, true],
    ['app=', { app: '' }, true],
    ['toString', {}, false],
  ] as const)('%s on %o is %s', (text, labels, isMatch) => {
    expect(parseSelector(text)?.(labels)).toBe(isMatch);
  });

  it.each(['', ' ', 'a=b=c', 'a in b', 'a in (b', ','])(
    '"%s" cannot be read, and so matches nothing',
    (text) => {
      expect(parseSelector(text)).toBeNull();
    },
  );
});
