import { crc32 } from 'node:zlib';

/** Length of all, length of the header fields, checksum of these two. */
const preludeBytes = 12;
const checksumBytes = 4;
/** Type of a header field's value: a string behind its length in two bytes. */
const stringType = 7;

/**
 * One message of AWS' event stream encoding: prelude, header fields, payload, and a CRC32 over all that
 * (https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html#streaming-event-stream).
 * Names are shorter than 256 bytes, values than 32 KiB.
 */
export function eventFrame(fields: Readonly<Record<string, string>>, payload: Uint8Array): Buffer {
  const head = Buffer.concat(Object.entries(fields).map(([name, value]) => headerField(name, value)));
  const frame = Buffer.alloc(preludeBytes + head.length + payload.length + checksumBytes);
  frame.writeUInt32BE(frame.length, 0);
  frame.writeUInt32BE(head.length, 4);
  frame.writeUInt32BE(crc32(frame.subarray(0, 8)), 8);
  head.copy(frame, preludeBytes);
  frame.set(payload, preludeBytes + head.length);
  const end = frame.length - checksumBytes;
  frame.writeUInt32BE(crc32(frame.subarray(0, end)), end);
  return frame;
}

function headerField(name: string, value: string): Buffer {
  const nameBytes = Buffer.from(name);
  const valueBytes = Buffer.from(value);
  const lengths = Buffer.from([stringType, valueBytes.length >> 8, valueBytes.length & 0xff]);
  return Buffer.concat([Buffer.from([nameBytes.length]), nameBytes, lengths, valueBytes]);
}

/** A piece of a model's answer. */
export function payloadPart(bytes: Uint8Array): Buffer {
  const fields = {
    ':message-type': 'event',
    ':event-type': 'PayloadPart',
    ':content-type': 'application/octet-stream',
  };
  return eventFrame(fields, bytes);
}

/** The last message of a stream that failed. */
export function streamException(type: string, content: Readonly<Record<string, string>>): Buffer {
  const fields = {
    ':message-type': 'exception',
    ':exception-type': type,
    ':content-type': 'application/json',
  };
  return eventFrame(fields, Buffer.from(JSON.stringify(content)));
}
