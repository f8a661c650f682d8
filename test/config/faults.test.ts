import { describe, expect, it } from 'vitest';
import { type FaultCase, faultsOf, fileWith } from './parse.ts';

const cases: readonly FaultCase[] = [
  ['an empty file', '', '', 'is empty', null],
  ['a file of comments', '# nothing\n', '', 'is empty', null],
  ['a list', '- a', '', 'must be a map, not a list', null],
  ['no models', 'log: {}', 'models', 'is required', null],
  ['empty models', 'models: {}', 'models', 'at least one model', null],
  ['a model without content', 'models: { a: }', 'models.a', 'must be a map, not empty', null],
  ['a model without backend', 'models: { a.b: {} }', 'models."a.b".backend', 'is required', null],
  [
    'an unknown key at the root',
    fileWith({ top: 'sever: {}' }),
    'sever',
    'not a known key',
    'did you mean server?',
  ],
  [
    'an unknown key',
    fileWith({ model: 'queue: { max_bytes: 1B }' }),
    'models.llama.queue.max_bytes',
    'not a known key',
    'did you mean maxBytes?',
  ],
  ['an unknown key near nothing', fileWith({ model: 'gpu: 1' }), 'models.llama.gpu', 'not a known key', null],
  [
    'a key of another driver',
    fileWith({ backend: 'urls: []' }),
    'models.llama.backend.urls',
    'does not apply here',
    null,
  ],
  [
    'a path with tcp',
    fileWith({ backend: 'ready: { tcp: true, path: /x }' }),
    'models.llama.backend.ready.path',
    'does not apply here',
    null,
  ],
  [
    'a tcp that is no boolean',
    fileWith({ backend: 'ready: { tcp: 1 }' }),
    'models.llama.backend.ready.tcp',
    'must be true or false',
    null,
  ],
  ['revisions', fileWith({ model: 'revisions: {}' }), 'models.llama.revisions', 'is not built yet', null],
  ['traffic', fileWith({ model: 'traffic: []' }), 'models.llama.traffic', 'is not built yet', null],
  ['a later store', fileWith({ top: 'store: sqlite:/x' }), 'store', 'sqlite is not built yet', 'use memory'],
  [
    'another later store',
    fileWith({ top: 'store: redis://h' }),
    'store',
    'redis is not built yet',
    'use memory',
  ],
  ['an unknown store', fileWith({ top: 'store: memry' }), 'store', 'must be memory', 'did you mean memory?'],
  [
    'the kubernetes driver',
    'models: { a: { backend: { driver: kubernetes } } }',
    'models.a.backend.driver',
    'not built yet',
    'use process or static',
  ],
  [
    'an unknown driver',
    'models: { a: { backend: { driver: proces } } }',
    'models.a.backend.driver',
    'must be process or static',
    'did you mean process?',
  ],
  ['no driver', 'models: { a: { backend: {} } }', 'models.a.backend.driver', 'is required', null],
  [
    'a misspelt choice',
    fileWith({ model: 'cold: holt' }),
    'models.llama.cold',
    'must be hold or reject',
    'did you mean hold?',
  ],
  [
    'a number for a duration',
    fileWith({ model: 'scale: { idle: 5 }' }),
    'models.llama.scale.idle',
    'must be a duration with its unit',
    null,
  ],
  [
    'a negative duration',
    fileWith({ model: 'scale: { idle: -5s }' }),
    'models.llama.scale.idle',
    'must be a duration with its unit',
    null,
  ],
  [
    'a duration past the timers',
    fileWith({ model: 'scale: { idle: 25d }' }),
    'models.llama.scale.idle',
    'must be at most 24d',
    null,
  ],
  [
    'no time to start',
    fileWith({ backend: 'ready: { startup: 0 }' }),
    'models.llama.backend.ready.startup',
    'must be at least 1ms',
    null,
  ],
  [
    'a size without unit',
    fileWith({ top: 'server: { maxBody: 10 }' }),
    'server.maxBody',
    'must be a size with its unit',
    null,
  ],
  [
    'a text for a number',
    fileWith({ model: 'concurrency: "8"' }),
    'models.llama.concurrency',
    'must be a number, not text',
    null,
  ],
  [
    'a number below its least',
    fileWith({ model: 'concurrency: -1' }),
    'models.llama.concurrency',
    'must be at least 0',
    null,
  ],
  [
    'a broken number',
    fileWith({ model: 'concurrency: 1.5' }),
    'models.llama.concurrency',
    'must be a whole number',
    null,
  ],
  ['an unresolved alias of YAML', 'models: *x', '', 'YAML: ', null],
  ['an unknown tag of YAML', fileWith({ top: 'stateDir: !secret x' }), '', 'YAML: ', null],
  ['two documents', `${fileWith({})}\n---\n${fileWith({})}`, '', 'YAML: ', null],
];

describe('a fault of the file is named by its path', () => {
  it.each(cases)('%s', (_, text, path, message, hint) => {
    const line = expect.toSatisfy((found) => found === null || found > 0);
    expect(faultsOf(text)).toEqual([{ path, line, message: expect.stringContaining(message), hint }]);
  });
});
