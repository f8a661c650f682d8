import type { FlatHeaders } from '../../forward/headers.ts';

/** The span that a request came from (https://www.w3.org/TR/trace-context/). */
export interface RemoteParent {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** 1: sampled; 2: the trace id is random; others are not kept. */
  readonly flags: number;
}

const pattern = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/;
const knownFlags = 3;

/** Reads a traceparent; null: it is malformed, or names none. Later versions are read as far as this one goes. */
export function parseTraceparent(text: string): RemoteParent | null {
  const match = pattern.exec(text);
  if (match === null) return null;
  const [, version = '', traceId = '', spanId = '', digits = '', rest] = match;
  const flags = Number.parseInt(digits, 16);
  if (version === 'ff' || (version === '00' && (rest !== undefined || flags > knownFlags))) return null;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return null;
  return { traceId, spanId, flags: flags & knownFlags };
}

/** A traceparent of version 00. */
export function formatTraceparent({ traceId, spanId, flags }: RemoteParent): string {
  return `00-${traceId}-${spanId}-0${flags & knownFlags}`;
}

/** The fields with another traceparent. `isNewTrace`: a tracestate that came belongs to none, and is left out. */
export function withTraceparent(fields: FlatHeaders, traceparent: string, isNewTrace: boolean): FlatHeaders {
  const out: FlatHeaders = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i]!;
    if (name === 'traceparent' || (isNewTrace && name === 'tracestate')) continue;
    out.push(name, fields[i + 1]!);
  }
  out.push('traceparent', traceparent);
  return out;
}
