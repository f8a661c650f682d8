import { PilotlightError } from '../core/errors.ts';
import { invalidBody } from './model-name.ts';

/** The fields of a form that the gateway reads. */
export type FormField = 'model' | 'stream';

/** RFC 2046 allows 70; some clients write more. */
const maxBoundaryLength = 256;

/** `; name=token` or `; name="quoted"`, one after the other. */
const parameter = /\s*;\s*([^\s=;]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))/y;

/** The boundary of a multipart/form-data content-type. Throws invalid_body if it is another type or has none. */
export function parseBoundary(contentType: string): string {
  const [type, parameters] = splitParameters(contentType);
  if (type !== 'multipart/form-data') {
    throw new PilotlightError(
      'invalid_body',
      'this route takes multipart/form-data; content-type says otherwise',
    );
  }
  const boundary = parameters?.get('boundary') ?? '';
  if (boundary === '' || boundary.length > maxBoundaryLength) {
    throw new PilotlightError('invalid_body', 'content-type names no boundary that can be read');
  }
  return boundary;
}

/**
 * Which field a part is, null if none that matters (a file never is one), from the lines of its head. `offset` is
 * that of the head, for errors. Throws invalid_body where two parsers could read it in two ways.
 */
export function parsePartField(head: string, offset: number): FormField | null {
  let disposition: string | null = null;
  let isEncoded = false;
  for (const line of head.split('\r\n')) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0)).toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (line !== '' && (colon <= 0 || /\s/.test(name)))
      throw invalidBody('a broken header of a part', offset);
    if (name === 'content-disposition') {
      if (disposition !== null) throw invalidBody('a part with two content-dispositions', offset);
      disposition = value;
    }
    if (name === 'content-transfer-encoding') isEncoded = !/^(7bit|8bit|binary)$/i.test(value);
  }
  const field = disposition === null ? null : fieldOfDisposition(disposition, offset);
  if (field !== null && isEncoded) throw invalidBody(`an encoded ${field} field`, offset);
  return field;
}

function fieldOfDisposition(disposition: string, offset: number): FormField | null {
  const [type, parameters] = splitParameters(disposition);
  if (type !== 'form-data' || parameters === null) throw invalidBody('a broken content-disposition', offset);
  if (parameters.has('filename') || parameters.has('filename*')) return null;
  const name = parameters.get('name');
  return name === 'model' || name === 'stream' ? name : null;
}

/** A field's lower-case value before the parameters, and these; null where they cannot be read or one comes twice. */
export function splitParameters(text: string): [string, Map<string, string> | null] {
  const semicolon = text.indexOf(';');
  if (semicolon < 0) return [text.trim().toLowerCase(), new Map()];
  const type = text.slice(0, semicolon).trim().toLowerCase();
  const parameters = new Map<string, string>();
  let at = semicolon;
  while (/[^\s;]/.test(text.slice(at))) {
    parameter.lastIndex = at;
    const match = parameter.exec(text);
    const name = match?.[1]?.toLowerCase();
    if (match === null || name === undefined || parameters.has(name)) return [type, null];
    parameters.set(name, match[2]?.replace(/\\(.)/g, '$1') ?? match[3] ?? '');
    at = parameter.lastIndex;
  }
  return [type, parameters];
}
