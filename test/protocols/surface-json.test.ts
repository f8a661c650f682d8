import { describe, expect, it } from 'vitest';
import { Fields, jsonReply, readJsonObject, sseEvent } from '../../src/protocols/surface-json.ts';

const bytes = (text: string) => Buffer.from(text);

describe('a JSON body of a surface', () => {
  it('is an object in UTF-8, or refused with what it is not', () => {
    expect(readJsonObject(bytes('{"a":[1]}'))).toEqual({ a: [1] });
    expect(() => readJsonObject(bytes('{'))).toThrow('the body is not JSON in UTF-8');
    expect(() => readJsonObject(Buffer.from([0x22, 0xff, 0x22]))).toThrow('the body is not JSON in UTF-8');
    for (const text of ['[]', 'null', '1']) {
      expect(() => readJsonObject(bytes(text))).toThrow('the body is not a JSON object');
    }
  });

  it('is refused where it is nested deeper than who walks it has stack for', () => {
    const nested = (depth: number) => bytes(`{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`);
    expect(Object.keys(readJsonObject(nested(511)))).toEqual(['a']);
    expect(() => readJsonObject(nested(512))).toThrow('nested');
    expect(() => readJsonObject(nested(100_000))).toThrow('nested');
  });
});

describe('the fields of a body', () => {
  const fields = new Fields(
    { name: 'a', count: 3, on: true, of: { b: 1 }, events: ['start'], none: null },
    'policy.',
  );

  it('are read by their types, and null where they are not there', () => {
    expect(fields.text('name')).toBe('a');
    expect(fields.number('count', { min: 1, max: 3 })).toBe(3);
    expect(fields.boolean('on')).toBe(true);
    expect(fields.object('of')).toEqual({ b: 1 });
    expect(fields.choices('events', ['start', 'output'])).toEqual(['start']);
    expect([fields.text('none'), fields.text('other')]).toEqual([null, null]);
  });

  it('of another type, or outside of their bounds, are refused by their whole name', () => {
    expect(() => fields.text('count')).toThrow('policy.count must be text');
    expect(() => fields.requiredText('other')).toThrow('policy.other is required');
    expect(() => fields.number('count', { min: 4, max: 9 })).toThrow('policy.count must be from 4 to 9');
    expect(() => fields.boolean('name')).toThrow('policy.name must be true or false');
    expect(() => fields.object('events')).toThrow('policy.events must be an object');
    expect(() => fields.choices('events', ['output'])).toThrow('policy.events must be a list out of output');
  });
});

describe('an event of a stream', () => {
  it('has a data line for each line, and ends with an empty one', () => {
    expect(sseEvent({ event: 'output', id: '7', data: 'a\nb\r\nc' })).toBe(
      'event: output\nid: 7\ndata: a\ndata: b\ndata: c\n\n',
    );
    expect(sseEvent({ data: '' })).toBe('data: \n\n');
  });
});

describe('an answer in JSON', () => {
  it('says that it is, and may have further fields', () => {
    expect(jsonReply(202, { a: 1 }, { location: '/x' })).toEqual({
      status: 202,
      headers: { 'content-type': 'application/json', location: '/x' },
      body: '{"a":1}',
    });
  });
});
