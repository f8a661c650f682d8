import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { PilotlightError } from '../../core/errors.ts';
import type { Span } from '../../core/protocol.ts';

/**
 * The Open Inference Protocol over gRPC, as Triton, KServe and Seldon serve it: which field of a request names its model.
 * https://github.com/kserve/open-inference-protocol, and Triton's grpc_service.proto for what it adds. Methods that
 * change a server (repository, shared memory, settings) or that name no model are not among them.
 */
const service = '/inference.GRPCInferenceService/';

/** Number of the field that names the model: `model_name` of ModelInferRequest, `name` of the others. */
const nameField = 1;

const modelMethods: ReadonlySet<string> = new Set([
  'ModelReady',
  'ModelMetadata',
  'ModelInfer',
  'ModelStreamInfer',
  'ModelConfig',
  'ModelStatistics',
]);

/**
 * | kind | what of it |
 * |---|---|
 * | model | the first message names the model; `isStream`: more messages may follow it |
 * | own | asks the server itself |
 * | other | a method of the service that is not taken |
 */
export type InferenceMethod =
  | { readonly kind: 'model'; readonly isStream: boolean }
  | { readonly kind: 'own'; readonly name: OwnMethod }
  | { readonly kind: 'other' };

/** Methods that need no backend. */
export type OwnMethod = 'ServerLive' | 'ServerReady' | 'ServerMetadata';

/** The method of a path; null: it is not of this service. */
export function inferenceMethod(path: string): InferenceMethod | null {
  if (!path.startsWith(service)) return null;
  const name = path.slice(service.length);
  if (modelMethods.has(name)) return { kind: 'model', isStream: name === 'ModelStreamInfer' };
  if (name === 'ServerLive' || name === 'ServerReady' || name === 'ServerMetadata')
    return { kind: 'own', name };
  return { kind: 'other' };
}

/** A model's name in a message, and where its field lies. */
export interface NamedModel {
  readonly name: string;
  /** Every place of the field, tag included, in order: the last one counts. Empty: the name is empty. */
  readonly spans: readonly Span[];
}

/**
 * The model that a message names. As any parser of protobuf does, the last one of several counts, so that the whole of
 * the top level is read. Throws invalid_body where it is no message of protobuf.
 */
export function modelOfMessage(message: Buffer): NamedModel {
  const spans: Span[] = [];
  let name: Buffer = Buffer.alloc(0);
  try {
    const reader = new BinaryReader(message);
    while (reader.pos < reader.len) {
      const start = reader.pos;
      const [field, wire] = reader.tag();
      if (field === nameField && wire === WireType.LengthDelimited) {
        name = Buffer.from(reader.bytes());
        spans.push({ start, end: reader.pos });
      } else reader.skip(wire, field);
    }
  } catch (cause) {
    throw new PilotlightError('invalid_body', 'invalid body: not a message of protobuf', { cause });
  }
  return { name: textOf(name), spans };
}

/** Replaced bytes would name another model than was sent. */
function textOf(name: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(name);
  } catch (cause) {
    throw new PilotlightError('invalid_body', "invalid body: the model's name is not UTF-8", { cause });
  }
}

/** The message with another name, in pieces of the old one: nothing else of it is changed or copied. */
export function renamedMessage(message: Buffer, { spans }: NamedModel, name: string): Buffer[] {
  const field = new BinaryWriter().tag(nameField, WireType.LengthDelimited).string(name).finish();
  const pieces: Buffer[] = [Buffer.from(field)];
  let from = 0;
  for (const { start, end } of spans) {
    if (start > from) pieces.push(message.subarray(from, start));
    from = end;
  }
  if (from < message.length) pieces.push(message.subarray(from));
  return pieces;
}

/** The answer to a method that asks the server itself: a message with its prefix. `isReady`: requests are admitted. */
export function ownInferenceAnswer(method: OwnMethod, isReady: boolean): Buffer {
  const writer = new BinaryWriter();
  if (method === 'ServerMetadata') writer.tag(1, WireType.LengthDelimited).string('pilotlight');
  else if (method === 'ServerLive' || isReady) writer.tag(1, WireType.Varint).bool(true);
  const message = writer.finish();
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}
