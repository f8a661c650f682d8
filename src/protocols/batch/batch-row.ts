import { isUtf8 } from 'node:buffer';
import type { JsonObject } from '../../core/json.ts';
import { jsonMember } from '../json-member.ts';
import { isJsonObject } from '../surface-json.ts';
import type { TextLine } from '../text-lines.ts';

/** Longest line of an input file. */
export const maxLineBytes = 32 * 2 ** 20;

/** Longest custom_id, in characters. */
const maxIdLength = 512;

/** One request of an input file. */
export interface BatchRow {
  readonly customId: string;
  /** As the client named it. */
  readonly model: string;
  /** The body to be sent, as it is written in the file. */
  readonly body: Buffer;
}

/** A fault of an input file, as OpenAI tells it in `errors.data` of a batch. `line` null: it is the file's. */
export interface BatchFault {
  readonly code: string;
  readonly message: string;
  readonly param: string | null;
  readonly line: number | null;
}

/** The row in a line; a fault where there is none. Whether ids are unique and models known is not looked at. */
export function readRow(line: TextLine, endpoint: string): BatchRow | BatchFault {
  const fault = (code: string, message: string, param: string | null = null): BatchFault => {
    return { code, message, param, line: line.number };
  };
  if (line.bytes === null) return fault('line_too_large', `This line has more than ${maxLineBytes} bytes.`);
  const text = isUtf8(line.bytes) ? line.bytes.toString() : '';
  const row = parse(text);
  if (row === undefined) return fault('invalid_json_line', 'This line is not parseable as valid JSON.');
  if (!isJsonObject(row)) return fault('invalid_request', 'This line is not a JSON object.');
  for (const name of ['custom_id', 'method', 'url', 'body']) {
    if (row[name] === undefined || row[name] === null) {
      return fault('missing_required_parameter', `Missing required parameter: '${name}'.`, name);
    }
  }
  return faultOf(row, endpoint, fault) ?? rowOf(row, text);
}

/** Whether what was read is a fault. */
export function isFault(read: BatchRow | BatchFault): read is BatchFault {
  return 'code' in read;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function rowOf(row: JsonObject, text: string): BatchRow {
  const { custom_id, body } = row as { custom_id: string; body: { model: string } };
  return { customId: custom_id, model: body.model, body: Buffer.from(jsonMember(text, 'body')!) };
}

function faultOf(
  row: JsonObject,
  endpoint: string,
  fault: (code: string, message: string, param: string) => BatchFault,
): BatchFault | null {
  const { custom_id, method, url, body } = row;
  if (typeof custom_id !== 'string' || custom_id === '' || custom_id.length > maxIdLength) {
    return fault('invalid_type', `'custom_id' must be text of 1 to ${maxIdLength} characters.`, 'custom_id');
  }
  if (method !== 'POST') {
    return fault('invalid_method', `Invalid method: ${JSON.stringify(method)}. It must be 'POST'.`, 'method');
  }
  if (url !== endpoint) {
    const message = `The URL provided for this request does not match the batch endpoint, which is '${endpoint}'.`;
    return fault('url_mismatch', message, 'url');
  }
  if (!isJsonObject(body)) return fault('invalid_type', `'body' must be a JSON object.`, 'body');
  if (typeof body.model !== 'string' || body.model === '') {
    return fault('missing_required_parameter', `Missing required parameter: 'body.model'.`, 'body.model');
  }
  if (body.stream === true) {
    return fault('invalid_request', 'Streaming is not supported in a batch.', 'body.stream');
  }
  if (body.background === true) {
    return fault('invalid_request', 'Background mode is not supported in a batch.', 'body.background');
  }
  return null;
}
