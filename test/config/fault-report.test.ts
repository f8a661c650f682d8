import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/config/load.ts';
import { faultsOf, fileWith, parse } from './parse.ts';

describe('faults', () => {
  it('are all told, in the order of the file, with their lines', () => {
    const faults = faultsOf(`server:
  drian: 5s
auth: open
log: { level: loud }
models:
  one:
    aliases: [two]
    cold: never
    backend: { driver: static, urls: ["http://a"] }
  two:
    scale: { min: 2 }
    aliases: [one]
    backend: { driver: process, command: ["\${env.MISSING}"] }
`);
    expect(faults.map(({ path, line }) => [path, line])).toEqual([
      ['server.drian', 2],
      ['log.level', 4],
      ['models.one.cold', 8],
      ['models.two.aliases[0]', 12],
      ['models.two.backend.command[0]', 13],
    ]);
  });

  it('of the syntax name the line', () => {
    expect(faultsOf('models:\n  a: [\n  b: }')).toContainEqual(
      expect.objectContaining({ line: 3, message: expect.stringMatching(/^YAML: /) }),
    );
  });

  it('name a key that is given twice where it is given again, in lists and maps', () => {
    const faults = faultsOf(`auth:
  keys:
    - name: a
      key: x
      name: b
models:
  m:
    cold: hold
    cold: reject
    backend: { driver: static, urls: ["http://a"] }
  m: {}
`);
    expect(faults.filter((fault) => fault.message === 'is given twice')).toEqual([
      { path: 'auth.keys[0].name', line: 5, message: 'is given twice', hint: null },
      { path: 'models.m.cold', line: 9, message: 'is given twice', hint: null },
      { path: 'models.m', line: 11, message: 'is given twice', hint: null },
    ]);
  });

  it('tell of match rules that are the same in another order', () => {
    const faults = faultsOf(`models:
  a:
    match: { hosts: [x.example, Y.example], paths: [/x/], headers: { X-A: "1" } }
    backend: { driver: static, urls: ["http://a"] }
  b:
    match: { hosts: [y.example, x.example], paths: [/x], headers: { x-a: "1" } }
    backend: { driver: static, urls: ["http://b"] }
`);
    expect(faults).toEqual([
      { path: 'models.b.match', line: 6, message: 'is the same rule as that of a', hint: null },
    ]);
  });

  it('follow YAML anchors to the lines where the keys are', () => {
    const faults = faultsOf(`models:
  a: &shared
    cold: hlod
    backend: { driver: static, urls: ["http://a"] }
  b: *shared
`);
    expect(faults.map(({ path, line }) => [path, line])).toEqual([
      ['models.a.cold', 3],
      ['models.b.cold', 3],
    ]);
  });

  it('make up the message, one a line, and keep no secret in it', () => {
    const text = fileWith({
      top: 'server: { drian: 5s }\nauth: { keys: [{ name: a, key: "${env.KEY}" }] }',
    });
    const thrown = () => parse(text, { env: { KEY: 'hush hush' } });
    expect(thrown).toThrow(ConfigError);
    expect(thrown).toThrow(
      /^\/etc\/pilotlight\/pilotlight\.yaml:1: server\.drian: is not a known key \(did you mean drain\?\)\n.*:2: auth\.keys\[0\]\.key: must be printable ASCII without spaces$/,
    );
  });
});
