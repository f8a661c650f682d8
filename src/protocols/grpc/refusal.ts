import type { PilotlightError } from '../../core/errors.ts';
import { grpcStatus } from '../../core/grpc-status.ts';

/**
 * The fields of an error for a client of gRPC: trailers, or with `content-type` the head of an answer that is nothing else
 * (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). `grpc-retry-pushback-ms` is the one of gRPC's retries
 * (proposal A6): milliseconds until one may succeed, negative where none should be made. `x-pilotlight-code` is the public code.
 */
export function grpcErrorFields(error: PilotlightError): string[] {
  const { shouldRetry, retryAfter } = error.spec;
  const fields = [
    ...['grpc-status', String(grpcStatus[error.code].number)],
    ...['grpc-message', percentEncoded(error.message)],
    ...['x-pilotlight-code', error.code],
  ];
  if (shouldRetry === false) fields.push('grpc-retry-pushback-ms', '-1');
  else if (retryAfter) fields.push('grpc-retry-pushback-ms', String(Math.ceil(error.retryAfterMs)));
  return fields;
}

/** The longest message in bytes as sent: clients bound the metadata that they read (8 KiB as a rule). */
const maxMessageBytes = 2048;

/** Percent-Encoded of gRPC: all bytes of UTF-8 but those from space to tilde, and the percent sign. */
function percentEncoded(text: string): string {
  let out = '';
  for (const char of text) {
    const isPlain = char >= ' ' && char <= '~' && char !== '%';
    const encoded = isPlain ? char : encodedBytes(char);
    if (out.length + encoded.length > maxMessageBytes) break;
    out += encoded;
  }
  return out;
}

function encodedBytes(char: string): string {
  return [...Buffer.from(char)]
    .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
    .join('');
}
