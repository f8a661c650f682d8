import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** Where it is asked: the standard health service of gRPC (grpc/health/v1/health.proto). */
export const healthCheckPath = '/grpc.health.v1.Health/Check';

/** The values of ServingStatus. */
const servingStatuses = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const;
export type ServingStatus = (typeof servingStatuses)[number];

const field = { service: 1, status: 1 } as const;

/** A frame of gRPC: whether it is compressed, the length of the message, the message. */
const prefixBytes = 5;

/** HealthCheckRequest as a frame; an empty name asks for the server as a whole. */
export function encodeHealthRequest(service: string): Uint8Array {
  const writer = new BinaryWriter();
  if (service !== '') writer.tag(field.service, WireType.LengthDelimited).string(service);
  const message = writer.finish();
  const frame = Buffer.alloc(prefixBytes + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, prefixBytes);
  return frame;
}

/** HealthCheckResponse out of its frame; null: it is none, or cut off. A status that is not known is UNKNOWN. */
export function decodeHealthResponse(frame: Buffer): ServingStatus | null {
  if (frame.length < prefixBytes || frame[0] !== 0) return null;
  const end = prefixBytes + frame.readUInt32BE(1);
  if (frame.length < end) return null;
  try {
    return statusIn(new BinaryReader(frame.subarray(prefixBytes, end)));
  } catch {
    return null; // It is no protobuf.
  }
}

function statusIn(reader: BinaryReader): ServingStatus {
  let status = 0;
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (number === field.status && wireType === WireType.Varint) status = reader.int32();
    else reader.skip(wireType, number);
  }
  return servingStatuses[status] ?? 'UNKNOWN';
}
