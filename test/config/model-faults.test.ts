import { describe, expect, it } from 'vitest';
import { type FaultCase, faultsOf, fileWith } from './parse.ts';

const cases: readonly FaultCase[] = [
  [
    'an empty command',
    'models: { a: { backend: { driver: process, command: [] } } }',
    'models.a.backend.command',
    'must not be empty',
    null,
  ],
  [
    'a misplaced {pilotlight}',
    'models: { a: { backend: { driver: process, command: [sh, "{pilotlight}"] } } }',
    'models.a.backend.command[1]',
    'only be the first word',
    null,
  ],
  [
    'a version of HTTP that there is not',
    fileWith({ backend: 'http: 3' }),
    'models.llama.backend.http',
    'must be 1 or 2',
    null,
  ],
  [
    'a probe by HTTP/1.1 of a backend of HTTP/2',
    fileWith({ backend: 'http: 2' }),
    'models.llama.backend.ready',
    'asks by HTTP/1.1',
    'say ready: { grpc: "" } where it has the health service of gRPC, or { tcp: true }',
  ],
  [
    'a path that a backend of HTTP/2 is asked for',
    'models: { a: { backend: { driver: kubernetes, scaleTarget: deployment/d, http: 2, ready: { path: /x } } } }',
    'models.a.backend.ready',
    'asks by HTTP/1.1',
    'say ready: { grpc: "" } where it has the health service of gRPC, or { tcp: true }',
  ],
  [
    'a warm-up by HTTP/1.1 of a backend of HTTP/2',
    'models: { a: { backend: { driver: static, urls: ["http://h"], http: 2, ready: { tcp: true, warmUp: auto } } } }',
    'models.a.backend.ready.warmUp',
    'is sent by HTTP/1.1',
    null,
  ],
  [
    'a number in the environment',
    fileWith({ backend: 'env: { A: 1 }' }),
    'models.llama.backend.env.A',
    'must be text, not a number',
    null,
  ],
  [
    'a bad header name',
    fileWith({ backend: 'headers: { "a b": x }' }),
    'models.llama.backend.headers."a b"',
    'not a header name',
    null,
  ],
  [
    'a header of the gateway',
    fileWith({ backend: 'headers: { Host: x }' }),
    'models.llama.backend.headers.Host',
    'set by the gateway',
    null,
  ],
  [
    'a header with a line break',
    fileWith({ backend: 'headers: { a: "x\\ny" }' }),
    'models.llama.backend.headers.a',
    'no line breaks',
    null,
  ],
  [
    'a URL of another scheme',
    'models: { a: { backend: { driver: static, urls: ["ftp://x"] } } }',
    'models.a.backend.urls[0]',
    'must be http:// or https://',
    null,
  ],
  [
    'one URL twice',
    'models: { a: { backend: { driver: static, urls: ["http://x", "http://x/"] } } }',
    'models.a.backend.urls',
    'same URL twice',
    null,
  ],
  [
    'more replicas than URLs',
    'models: { a: { scale: { max: 2 }, backend: { driver: static, urls: ["http://x"] } } }',
    'models.a.scale.max',
    'count of urls',
    null,
  ],
  [
    'min above max',
    fileWith({ model: 'scale: { min: 3, max: 2 }' }),
    'models.llama.scale.min',
    'at most scale.max, which is 2',
    null,
  ],
  [
    'a host with port',
    fileWith({ model: 'match: { hosts: ["a:80"] }' }),
    'models.llama.match.hosts[0]',
    'without port',
    null,
  ],
  ['an empty match', fileWith({ model: 'match: {}' }), 'models.llama.match', 'hosts, paths or headers', null],
  [
    'stripPrefix without paths',
    fileWith({ model: 'match: { hosts: [a], stripPrefix: true }' }),
    'models.llama.match.stripPrefix',
    'needs match.paths',
    null,
  ],
  [
    'a session of neither kind',
    fileWith({ model: 'balance: { session: x }' }),
    'models.llama.balance.session',
    'must be { header: NAME }',
    null,
  ],
  [
    'an alias that is a model',
    fileWith({ model: 'aliases: [llama]' }),
    'models.llama.aliases[0]',
    'is the name of a model',
    null,
  ],
  [
    'an alias given twice',
    fileWith({ model: 'aliases: [a, a]' }),
    'models.llama.aliases[1]',
    'already an alias of llama',
    null,
  ],
];

describe('a fault of a model is named by its path', () => {
  it.each(cases)('%s', (_, text, path, message, hint) => {
    const line = expect.toSatisfy((found) => found === null || found > 0);
    expect(faultsOf(text)).toEqual([{ path, line, message: expect.stringContaining(message), hint }]);
  });
});
