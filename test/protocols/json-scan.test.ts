import { describe, expect, it } from 'vitest';
import type { Intent } from '../../src/core/protocol.ts';
import { JsonScanner } from '../../src/protocols/json-scan.ts';

function scan(text: string | Buffer, options: { maxDepth?: number } = {}): Intent {
  const scanner = new JsonScanner(options);
  scanner.push(Buffer.from(text));
  return scanner.end();
}

function textOf(text: string, span: Intent['modelSpan']): string | null {
  return span === null ? null : Buffer.from(text).toString('utf8', span.start, span.end);
}

/** [what is wrong, the body, what the message says] */
const broken: [string, string | Buffer, string][] = [
  ['an empty body', '', 'the JSON object is cut short at byte 0'],
  ['a body cut short in a string', '{"model":"lla', 'the JSON object is cut short at byte 13'],
  [
    'a body cut short in a nested value',
    '{"model":"a","x":[{"b":1}',
    'the JSON object is cut short at byte 25',
  ],
  ['a body cut short in a literal', '{"stream":tru', 'the JSON object is cut short at byte 13'],
  ['a body cut short behind a back-slash', '{"model":"a\\', 'the JSON object is cut short at byte 12'],
  ['brackets of two kinds', '{"x":[1}', 'a bracket that closes nothing at byte 7'],
  ['one bracket too many', '{"x":[1]]}', 'neither a comma nor } after a value at byte 8'],
  ['an array', '["model"]', 'not a JSON object at byte 0'],
  ['a bare string', ' "model"', 'not a JSON object at byte 1'],
  ['a byte order mark', '\ufeff{"model":"a"}', 'a byte order mark at byte 0'],
  ['junk after the end', '{"model":"a"} x', 'more after the end of the JSON object at byte 14'],
  ['a second object', '{"model":"a"}{"model":"b"}', 'more after the end of the JSON object at byte 13'],
  ['a trailing comma', '{"model":"a",}', 'no key at byte 13'],
  ['a missing comma', '{"model":"a""x":1}', 'neither a comma nor } after a value at byte 12'],
  ['a missing colon', '{"model" "a"}', 'no colon after a key at byte 9'],
  ['a missing value', '{"model":}', 'no value at byte 9'],
  ['a key without quotes', '{model:"a"}', 'no key at byte 1'],
  ['a bad escape in a key', '{"mo\\xdel":"a"}', 'not a JSON string at byte 1'],
  ['a bad escape in the name', '{"model":"\\q"}', 'not a JSON string at byte 9'],
  ['a line end in the name', '{"model":"a\nb"}', 'not a JSON string at byte 9'],
  [
    'a name of 5,000 bytes',
    `{"model":"${'a'.repeat(5000)}"}`,
    'a model name longer than 4096 bytes at byte 9',
  ],
  ['latin1', Buffer.from('{"model":"a","x":"\u00e9"}', 'latin1'), 'not UTF-8 at byte 18'],
  ['an overlong sequence', Buffer.from('7b2278223a22c0af227d', 'hex'), 'not UTF-8 at byte 6'],
  ['an encoded surrogate', Buffer.from('7b2278223a22eda080227d', 'hex'), 'not UTF-8 at byte 6'],
  [
    'a sequence cut short',
    Buffer.from('7b2278223a22e282', 'hex'),
    'a character of UTF-8 is cut short at byte 6',
  ],
];

describe('JsonScanner', () => {
  it('finds the name, stream and the messages, with where they lie', () => {
    const text = '{ "model" : "llama" , "messages":[{"content":"]}\\""}],"stream" : true }';
    const intent = scan(text);
    expect(intent).toMatchObject({ model: 'llama', isStream: true, modelEncoding: 'json' });
    expect(textOf(text, intent.modelSpan)).toBe('"llama"');
    expect(textOf(text, intent.promptSpan)).toBe('[{"content":"]}\\""}]');
  });

  it('looks at top-level keys only', () => {
    const text = '{"metadata":{"model":"inner","stream":true},"tools":[{"model":"x"}],"model":"outer"}';
    expect(scan(text)).toMatchObject({ model: 'outer', isStream: false });
  });

  it('decodes escapes in keys and in the name', () => {
    const text = '{"\\u006dod\\u0065l":"l\\u006cama\\/3","s\\u0074ream":true}';
    const intent = scan(text);
    expect(intent).toMatchObject({ model: 'llama/3', isStream: true });
    expect(textOf(text, intent.modelSpan)).toBe('"l\\u006cama\\/3"');
  });

  it('is not misled by escaped quotes behind long plain stretches', () => {
    for (let count = 0; count < 100; count += 1) {
      const plain = 'A'.repeat(count);
      const text = `{"x":"${plain}\\",\\"model\\":\\"no\\"","y":["${plain}\\\\"],"model":"${plain}\\"b"}`;
      expect(scan(text).model).toBe(`${plain}"b`);
    }
  });

  it('takes the last of duplicates, as JSON.parse does', () => {
    const text = '{"model":"a","stream":true,"prompt":"x","mod\\u0065l":"b","stream":false,"prompt":"y"}';
    const intent = scan(text);
    expect(intent).toMatchObject({ model: 'b', isStream: false });
    expect(textOf(text, intent.modelSpan)).toBe('"b"');
    expect(textOf(text, intent.promptSpan)).toBe('"y"');
  });

  it.each(['"true"', '1', 'null', 'tru', 'truex', 'xtrue', 'truetrue', 'false', '[true]'])(
    'does not take stream: %s for true',
    (value) => {
      expect(scan(`{"model":"a","stream":${value}}`).isStream).toBe(false);
    },
  );

  it.each([
    ['messages', '{"input":1,"prompt":2,"messages":[3],"model":"a"}', '[3]'],
    ['prompt', '{"input":1,"prompt":2,"model":"a"}', '2'],
    ['input', '{"input":["x"],"model":"a"}', '["x"]'],
  ])('gives the span of %s', (_name, text, expected) => {
    expect(textOf(text, scan(text).promptSpan)).toBe(expected);
  });

  it('gives no prompt span where there is no prompt', () => {
    expect(scan('{"model":"a"}').promptSpan).toBeNull();
  });

  it.each([
    ['is missing', '{}', 'the request names no model'],
    ['is empty', '{"model":""}', 'model is empty'],
    ['is null', '{"model":null}', 'model is not a string'],
    ['is a number', '{"model":5}', 'model is not a string'],
    ['is an object', '{"model":{"model":"a"}}', 'model is not a string'],
    ['is a number in the last duplicate', '{"model":"a","model":5}', 'model is not a string'],
  ])('says model_required when the model %s', (_case, text, message) => {
    expect(() => scan(text)).toThrow(
      expect.objectContaining({ code: 'model_required', param: 'model', message }),
    );
  });

  it.each(broken)('refuses %s and says at which byte', (_case, body, what) => {
    expect(() => scan(body)).toThrow(
      expect.objectContaining({ code: 'invalid_body', message: `invalid body: ${what}` }),
    );
  });

  it('takes 512 containers in each other, not 513', () => {
    const nested = (depth: number) => `{"model":"a","x":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;
    expect(scan(nested(512)).model).toBe('a');
    expect(() => scan(nested(513))).toThrow('nested more than 512 deep at byte 528');
    expect(() => scan('{"model":"a","x":[[]]}', { maxDepth: 2 })).toThrow('nested more than 2 deep');
  });

  it('gives the same intent from a body in chunks of one byte as from the whole', () => {
    const body = Buffer.from(
      '{"a\\\\":"\\\\\\"é€😀","mod\\u0065l":"é\\"😀\\\\","stream":true,"input":["\\\\",{"b":"\\""}]}',
    );
    const scanner = new JsonScanner();
    const reused = Buffer.alloc(1);
    for (const byte of body) {
      reused[0] = byte;
      expect(scanner.push(reused)).toBe('more');
    }
    expect(scanner.end()).toEqual(scan(body));
    expect(scan(body).model).toBe('é"😀\\');
  });

  it.each(['{"', '{"model":"'])(
    'keeps no more of an endless string behind %s than it needs to refuse it',
    (start) => {
      const scanner = new JsonScanner();
      scanner.push(Buffer.from(start));
      const chunk = Buffer.alloc(4096, 'm');
      const before = process.memoryUsage().arrayBuffers;
      for (let count = 0; count < 2048; count += 1) scanner.push(chunk);
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * 1024 * 1024);
      if (start.endsWith(':"')) {
        expect(() => scanner.push(Buffer.from('"}'))).toThrow(
          'a model name longer than 4096 bytes at byte 9',
        );
      } else {
        scanner.push(Buffer.from('":1,"model":"llama"}'));
        expect(scanner.end().model).toBe('llama');
      }
    },
  );
});
