import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { describe, expect, it } from 'vitest';
import { inferenceMethod, modelOfMessage, renamedMessage } from '../../../src/protocols/grpc/inference.ts';

/** A message of fields with a length: number, content. */
function message(...fields: (readonly [number, string])[]): Buffer {
  const writer = new BinaryWriter();
  for (const [number, text] of fields) writer.tag(number, WireType.LengthDelimited).string(text);
  return Buffer.from(writer.finish());
}

function fieldsOf(bytes: Uint8Array): [number, string][] {
  const reader = new BinaryReader(bytes);
  const fields: [number, string][] = [];
  while (reader.pos < reader.len) {
    const [number] = reader.tag();
    fields.push([number, reader.string()]);
  }
  return fields;
}

describe('the model of a message of the Open Inference Protocol', () => {
  it('is its first field', () => {
    expect(modelOfMessage(message([1, 'resnet'], [2, '3'], [7, 'tensor'])).name).toBe('resnet');
  });

  it('is the last of several, wherever it stands', () => {
    const bytes = message([1, 'admitted'], [7, 'tensor'], [1, 'served']);
    expect(modelOfMessage(bytes).name).toBe('served');
  });

  it('is empty where the field is not there', () => {
    expect(modelOfMessage(message([3, 'id'])).name).toBe('');
    expect(modelOfMessage(Buffer.alloc(0)).name).toBe('');
  });

  it('is not read out of a field of another kind, nor out of what lies in other fields', () => {
    const inner = message([1, 'tensor-name']).toString('latin1');
    const other = new BinaryWriter().tag(1, WireType.Varint).uint32(7).finish();
    expect(modelOfMessage(Buffer.concat([message([5, inner]), other])).name).toBe('');
  });

  it.each([
    ['a length beyond its end', Buffer.from([0x0a, 0x09, 0x61])],
    ['a broken tag', Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff])],
    ['a field of number 0', Buffer.from([0x02, 0x01, 0x61])],
    ['a name that is no UTF-8', Buffer.from([0x0a, 0x02, 0xc3, 0x28])],
  ])('is refused with %s', (_what, bytes) => {
    expect(() => modelOfMessage(bytes)).toThrow(expect.objectContaining({ code: 'invalid_body' }));
  });

  it('is renamed without a change of anything else', () => {
    const bytes = message([2, '3'], [1, 'alias'], [7, 'tensor']);
    const renamed = Buffer.concat(renamedMessage(bytes, modelOfMessage(bytes), 'resnet-50'));
    expect(modelOfMessage(renamed).name).toBe('resnet-50');
    expect(fieldsOf(renamed).filter(([number]) => number !== 1)).toEqual([
      [2, '3'],
      [7, 'tensor'],
    ]);
  });

  it('is renamed in every place where it stands', () => {
    const bytes = message([1, 'a'], [7, 'tensor'], [1, 'b'], [1, 'c']);
    const renamed = Buffer.concat(renamedMessage(bytes, modelOfMessage(bytes), 'z'));
    expect(fieldsOf(renamed)).toEqual([
      [1, 'z'],
      [7, 'tensor'],
    ]);
  });
});

describe('the methods of the Open Inference Protocol', () => {
  it.each([
    ['/inference.GRPCInferenceService/ModelInfer', { kind: 'model', isStream: false }],
    ['/inference.GRPCInferenceService/ModelStreamInfer', { kind: 'model', isStream: true }],
    ['/inference.GRPCInferenceService/ServerReady', { kind: 'own', name: 'ServerReady' }],
    ['/inference.GRPCInferenceService/RepositoryModelUnload', { kind: 'other' }],
    ['/inference.GRPCInferenceService/', { kind: 'other' }],
    ['/inference.GRPCInferenceServiceX/ModelInfer', null],
    ['/acme.Service/ModelInfer', null],
  ])('%s is %j', (path, method) => {
    expect(inferenceMethod(path)).toEqual(method);
  });
});
