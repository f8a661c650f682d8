import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contractNames, type Invocation } from '../../../src/core/contract.ts';
import { contractOf } from '../../../src/protocols/contracts/contracts.ts';

const model = { name: 'llama', path: '/v1/completions', responses: 'backend' } as const;

function invocation(body: Buffer): Invocation {
  const common = { path: null, method: 'POST', contentType: 'application/json', headers: {} };
  return { ...common, content: { body }, isStream: false, id: 'a' };
}

describe('a body for a backend of openai', () => {
  it('says the same as before but for the model, whatever is in it and however it is written', () => {
    const fields = fc.dictionary(fc.string(), fc.jsonValue());
    const withModel = fc
      .tuple(fields, fc.string({ minLength: 1 }))
      .map(([rest, name]) => ({ ...rest, model: name }));
    const withoutModel = fields.filter((object) => !('model' in object));
    fc.assert(
      fc.property(fc.oneof(withModel, withoutModel), fc.nat({ max: 2 }), (object, indent) => {
        const body = Buffer.from(JSON.stringify(object, null, indent));
        const sent = contractOf('openai').call(invocation(body), model).body.toString();
        const expected = { ...(JSON.parse(body.toString()) as object), model: 'llama' };
        expect(JSON.parse(sent)).toEqual(expected);
      }),
    );
  });
});

describe('whatever a backend answers', () => {
  const contentType = fc.constantFrom(
    'application/json',
    'text/event-stream',
    'application/x-ndjson',
    'text/plain',
    '',
    'image/png',
  );
  const json = fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value)));
  const events = fc
    .array(fc.jsonValue())
    .map((all) => Buffer.from(all.map((one) => `data: ${JSON.stringify(one)}\n\n`).join('')));
  const body = fc.oneof(
    json,
    events,
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  );

  it.each(contractNames)('%s has an output or an error, and never both', (name) => {
    const { outcome, textOf } = contractOf(name);
    fc.assert(
      fc.property(body, contentType, fc.integer({ min: 200, max: 599 }), (bytes, type, status) => {
        const { output, error } = outcome({ status, contentType: type, body: bytes });
        expect(error === null || output === null).toBe(true);
        if (status >= 400) expect(error).toContain(String(status));
        expect(['string', 'object']).toContain(typeof textOf(output));
      }),
    );
  });

  it.each(contractNames)('%s takes any data for a piece, or for none', (name) => {
    const { piece } = contractOf(name);
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (data) => {
        expect(piece(data)).not.toBeUndefined();
      }),
    );
  });
});
