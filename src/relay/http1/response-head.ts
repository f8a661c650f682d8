import type { FlatHeaders } from '../../forward/headers.ts';
import { connectionTokens, contentLengthOf, scanFields, valueEnd } from './field-scan.ts';

/** How the body of an answer ends: none, after so many bytes, by its last chunk, with the connection. */
export type AnswerFraming = 'none' | 'length' | 'chunked' | 'close';

/** The head of a backend's answer. */
export interface ResponseHead {
  readonly status: number;
  /** Status and reason as they came: `200 OK`. */
  readonly statusText: string;
  /** Without the fields of the hop. */
  readonly fields: FlatHeaders;
  readonly framing: AnswerFraming;
  /** With `length`. */
  readonly bodyBytes: number;
  /** The connection can be used again once the answer is over. */
  readonly isKeepAlive: boolean;
  /** Milliseconds for which the backend says that it keeps an idle connection; null: it does not say. */
  readonly keepAliveMs: number | null;
  /** What an answer 101 switches to, in lower case. */
  readonly upgrade: string | null;
  readonly contentType: string;
  readonly isEncoded: boolean;
}

interface Seen {
  length: string | null;
  lengths: number;
  encoding: string | null;
  encodings: number;
  connection: string | null;
  keepAlive: string | null;
  upgrade: string | null;
  contentType: string;
  isEncoded: boolean;
}

/** What is asked of an answer's head. */
export interface ResponseContext {
  /** Of the request: the answer to HEAD has no body. */
  readonly method: string;
  readonly maxFields: number;
}

/**
 * Reads the head of an answer, which `text` has from `start` to `end` (the last field line's CRLF is in it, the empty line is
 * not). A string: what is wrong with it.
 */
export function readResponseHead(
  text: string,
  start: number,
  end: number,
  { method, maxFields }: ResponseContext,
): ResponseHead | string {
  const isHttp11 = text.startsWith('HTTP/1.1 ', start);
  if (!isHttp11 && !text.startsWith('HTTP/1.0 ', start)) return 'the answer does not begin with HTTP/1.1';
  const statusAt = start + 9;
  const status = statusOf(text, statusAt);
  const lineEnd = valueEnd(text, statusAt);
  if (status < 100 || !text.startsWith('\r\n', lineEnd)) return 'the status line is malformed';
  if (lineEnd > statusAt + 3 && text.charCodeAt(statusAt + 3) !== 32) return 'the status line is malformed';
  const all: FlatHeaders = [];
  const fault = scanFields(text, lineEnd + 2, end, all);
  if (fault !== null) return fault;
  if (all.length > maxFields * 2) return 'the answer has too many header fields';
  const fields: FlatHeaders = [];
  const seen = look(all, fields);
  const hopNames = seen.connection === null ? null : connectionTokens(seen.connection);
  const isClosing = hopNames?.has('close') || seen.connection?.toLowerCase() === 'close';
  const framing = framingOf(seen, status, method, isHttp11);
  if (typeof framing === 'string') return framing;
  return {
    status,
    statusText: text.slice(statusAt, lineEnd),
    fields: cleaned(fields, hopNames, status),
    framing: framing.framing,
    bodyBytes: framing.bodyBytes,
    isKeepAlive: isHttp11 && !isClosing && framing.framing !== 'close',
    keepAliveMs: keepAliveOf(seen.keepAlive),
    upgrade: hopNames?.has('upgrade') ? (seen.upgrade?.toLowerCase() ?? null) : null,
    contentType: seen.contentType,
    isEncoded: seen.isEncoded,
  };
}

function statusOf(text: string, at: number): number {
  let status = 0;
  for (let i = at; i < at + 3; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (!(digit >= 0 && digit <= 9)) return -1;
    status = status * 10 + digit;
  }
  return status;
}

/** Pushes what is not of the hop into `fields`. */
function look(all: FlatHeaders, fields: FlatHeaders): Seen {
  const seen: Seen = {
    length: null,
    lengths: 0,
    encoding: null,
    encodings: 0,
    connection: null,
    keepAlive: null,
    upgrade: null,
    contentType: '',
    isEncoded: false,
  };
  for (let i = 0; i < all.length; i += 2) {
    const name = all[i]!;
    const value = all[i + 1]!;
    if (lookAt(seen, name, value)) fields.push(name, value);
  }
  return seen;
}

/** Whether the field is passed on. */
function lookAt(seen: Seen, name: string, value: string): boolean {
  switch (name) {
    case 'content-length':
      seen.length = value;
      seen.lengths++;
      return true;
    case 'transfer-encoding':
      seen.encoding = value;
      seen.encodings++;
      return false;
    case 'connection':
      seen.connection = seen.connection === null ? value : `${seen.connection},${value}`;
      return false;
    case 'keep-alive':
      seen.keepAlive = value;
      return false;
    case 'upgrade':
      seen.upgrade = value;
      return false;
    case 'content-type':
      seen.contentType = value;
      return true;
    case 'content-encoding':
      seen.isEncoded ||= value.toLowerCase() !== 'identity';
      return true;
    case 'proxy-connection':
    case 'proxy-authenticate':
    case 'te':
      return false;
    default:
      return true;
  }
}

interface Framing {
  readonly framing: AnswerFraming;
  readonly bodyBytes: number;
}

const noBody: Framing = { framing: 'none', bodyBytes: 0 };
const chunkedBody: Framing = { framing: 'chunked', bodyBytes: 0 };
const closeBody: Framing = { framing: 'close', bodyBytes: 0 };

function framingOf(seen: Seen, status: number, method: string, isHttp11: boolean): Framing | string {
  const { length, lengths, encoding, encodings } = seen;
  if (encoding !== null) {
    if (!isHttp11) return 'an answer of HTTP/1.0 has a transfer-encoding';
    if (lengths > 0) return 'the answer has a content-length beside a transfer-encoding';
    if (encodings > 1 || encoding.toLowerCase() !== 'chunked')
      return 'the answer has a transfer-encoding other than chunked';
  }
  const bodyBytes = length === null ? 0 : contentLengthOf(length);
  if (lengths > 1 || bodyBytes < 0) return 'the content-length of the answer is malformed';
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return noBody;
  if (encoding !== null) return chunkedBody;
  if (length === null) return closeBody;
  return bodyBytes === 0 ? noBody : { framing: 'length', bodyBytes };
}

/** Without what Connection names; RFC 9110, 8.6: no content-length with 1xx and 204. */
function cleaned(fields: FlatHeaders, hopNames: Set<string> | null, status: number): FlatHeaders {
  const isLengthless = status < 200 || status === 204;
  if (!isLengthless && hopNames === null) return fields;
  const out: FlatHeaders = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    if (name === 'content-length' ? isLengthless : hopNames?.has(name)) continue;
    out.push(name, fields[i + 1]!);
  }
  return out;
}

function keepAliveOf(value: string | null): number | null {
  const seconds = value === null ? null : /(?:^|[\s,])timeout=(\d{1,6})/i.exec(value);
  return seconds === null ? null : Number(seconds[1]) * 1000;
}
