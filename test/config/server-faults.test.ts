import { describe, expect, it } from 'vitest';
import { type FaultCase, faultsOf, fileWith } from './parse.ts';

const keyed = (keys: string) => fileWith({ top: `auth: { keys: [${keys}] }` });
const hash = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

const cases: readonly FaultCase[] = [
  [
    'a bad address',
    fileWith({ top: 'server: { listen: 8080 }' }),
    'server.listen',
    'must be an address',
    null,
  ],
  [
    'a port past 65535',
    fileWith({ top: 'server: { listen: "127.0.0.1:70000" }' }),
    'server.listen',
    'not an address',
    null,
  ],
  [
    'an exposed port without keys',
    fileWith({ top: 'server: { listen: 0.0.0.0:80 }' }),
    'server.listen',
    'no keys are set',
    'set auth.keys, or say auth: open',
  ],
  [
    'an exposed admin port',
    fileWith({ top: 'server: { admin: ":9" }' }),
    'server.admin',
    'has no token',
    'use { listen, token }',
  ],
  [
    'one port on all addresses',
    fileWith({ top: 'auth: open\nserver: { listen: ":9090" }' }),
    'server.admin',
    'same address',
    null,
  ],
  [
    'one address for both ports',
    fileWith({ top: 'server: { admin: "127.0.0.1:8080" }' }),
    'server.admin',
    'same address',
    null,
  ],
  ['an auth of neither kind', fileWith({ top: 'auth: opn' }), 'auth', 'must be `open` or { keys', null],
  ['no keys', keyed(''), 'auth.keys', 'must not be empty', null],
  ['a key without value', keyed('{ name: a }'), 'auth.keys[0]', 'one of key and sha256', null],
  [
    'a key with two values',
    keyed(`{ name: a, key: abc, sha256: ${hash} }`),
    'auth.keys[0]',
    'one of key and sha256',
    null,
  ],
  ['a hash that is none', keyed('{ name: a, sha256: abc }'), 'auth.keys[0].sha256', '64 hex digits', null],
  [
    'two keys of one name',
    keyed('{ name: a, key: x }, { name: a, key: y }'),
    'auth.keys[1].name',
    'another key',
    null,
  ],
  [
    'one key twice',
    keyed(`{ name: a, key: abc }, { name: b, sha256: ${hash} }`),
    'auth.keys[1]',
    'same key',
    null,
  ],
  [
    'an unset variable',
    fileWith({ top: 'server: { spool: { dir: "${env.NOPE}" } }' }),
    'server.spool.dir',
    'environment variable NOPE is not set',
    null,
  ],
  [
    'an unreadable secret',
    keyed('{ name: a, key: "file:nope" }'),
    'auth.keys[0].key',
    'cannot read nope',
    null,
  ],
];

describe('a fault of the server and its keys is named by its path', () => {
  it.each(cases)('%s', (_, text, path, message, hint) => {
    const line = expect.toSatisfy((found) => found === null || found > 0);
    expect(faultsOf(text)).toEqual([{ path, line, message: expect.stringContaining(message), hint }]);
  });
});
