import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonMember } from '../../src/protocols/json-member.ts';

describe('a member of a JSON object', () => {
  it('is the text of its value, for every object and way of spacing', () => {
    const object = fc.dictionary(fc.string({ maxLength: 8 }), fc.jsonValue({ maxDepth: 3 }));
    fc.assert(
      fc.property(object, fc.constantFrom(undefined, 2, '\t'), (value, space) => {
        const text = JSON.stringify(value, null, space);
        for (const name of Object.keys(value)) {
          expect(JSON.parse(jsonMember(text, name)!)).toEqual(JSON.parse(JSON.stringify(value[name])));
        }
        expect(jsonMember(text, 'a name that is not there')).toBe(null);
      }),
    );
  });

  it('keeps numbers as they are written, and is the last of its name', () => {
    expect(jsonMember('{"body":1, "\\u0062ody" : {"seed":12345678901234567890} ,"x":2}', 'body')).toBe(
      '{"seed":12345678901234567890}',
    );
  });
});
