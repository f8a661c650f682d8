import type { FlatHeaders } from '../../forward/headers.ts';
import type { LaneHead } from '../traffic.ts';
import { connectionTokens, contentLengthOf, scanFields, targetEnd, tokenEnd } from './field-scan.ts';

/** What is wrong with what came, and the status it is refused with. */
export class Fault {
  readonly status: number;
  readonly message: string;

  constructor(status: number, message: string) {
    this.status = status;
    this.message = message;
  }
}

/** A head above its limit. */
export function headTooLarge(maxHeadBytes: number): Fault {
  return new Fault(431, `the head of the request is above ${maxHeadBytes} bytes`);
}

/** A request's head with what only this lane needs to know of it. */
export interface RequestHead extends LaneHead {
  readonly version: '1.0' | '1.1';
  /** The client can have another request on its connection. */
  isKeepAlive: boolean;
  /** Fields that its Connection field names: those of the hop. */
  hopNames: ReadonlySet<string> | null;
  /** It waits with its body for a 100. */
  expectsContinue: boolean;
}

interface Draft extends RequestHead {
  target: string;
  authority: string;
  upgrade: string | null;
  bodyBytes: number | null;
}

/** Those that Node's parser knows, so that nothing is let through here that a backend's parser would refuse, but CONNECT. */
const methods = new Set(
  (
    'ACL BIND CHECKOUT COPY DELETE GET HEAD LINK LOCK M-SEARCH MERGE MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY OPTIONS PATCH ' +
    'POST PROPFIND PROPPATCH PURGE PUT QUERY REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND UNLINK UNLOCK UNSUBSCRIBE'
  ).split(' '),
);

/** RFC 3986, 3.2.2 and 3.2.3, without the comma: a list must not pass for one host. */
const hostShape = /^(\[[\da-f:.]+\]|[\w.~%!$&'()*+;=-]*)(:\d{1,5})?$/i;
const absoluteForm = /^https?:\/\/([^/?]*)(.*)$/i;
const upgradeShape = /^[\w!#$%&'*+.^`|~-]+(\/[\w!#$%&'*+.^`|~-]+)?$/;

/** What of a head says how it is to be read, as it comes by. */
interface Seen {
  host: string | null;
  hosts: number;
  length: string | null;
  lengths: number;
  encoding: string | null;
  encodings: number;
  connection: string | null;
  upgrade: string | null;
  upgrades: number;
  expect: string | null;
}

/**
 * Reads the head of a request, which `text` begins with and which ends before `end` (the last field line's CRLF is in it, the
 * empty line is not). Stricter than RFC 9112 where it leaves a choice: what two parsers could read in two ways is refused.
 */
export function readRequestHead(
  text: string,
  end: number,
  peer: LaneHead['peer'],
  maxFields: number,
): RequestHead | Fault {
  const methodEnd = tokenEnd(text, 0);
  const method = text.slice(0, methodEnd);
  const toEnd = targetEnd(text, methodEnd + 1);
  if (methodEnd === 0 || text.charCodeAt(methodEnd) !== 32 || text.charCodeAt(toEnd) !== 32)
    return new Fault(400, 'the request line is malformed');
  const version = versionAt(text, toEnd + 1);
  if (version === null) return new Fault(400, 'the request line does not end with HTTP/1.1');
  if (!methods.has(method)) return method === 'CONNECT' ? noConnect() : new Fault(501, 'unknown method');
  const fields: FlatHeaders = [];
  const fieldsFault = scanFields(text, toEnd + 11, end, fields);
  if (fieldsFault !== null) return new Fault(400, fieldsFault);
  if (fields.length > maxFields * 2) return new Fault(431, 'too many header fields');
  const seen = look(fields);
  const draft: Draft = {
    version,
    method,
    target: text.slice(methodEnd + 1, toEnd),
    authority: seen.host ?? '',
    fields,
    peer,
    upgrade: null,
    bodyBytes: 0,
    isKeepAlive: version === '1.1',
    hopNames: null,
    expectsContinue: false,
  };
  return settle(draft, seen);
}

function versionAt(text: string, at: number): '1.0' | '1.1' | null {
  if (text.startsWith('HTTP/1.1\r\n', at)) return '1.1';
  return text.startsWith('HTTP/1.0\r\n', at) ? '1.0' : null;
}

function noConnect(): Fault {
  return new Fault(400, 'CONNECT is not served here');
}

function look(fields: FlatHeaders): Seen {
  const seen: Seen = {
    host: null,
    hosts: 0,
    length: null,
    lengths: 0,
    encoding: null,
    encodings: 0,
    connection: null,
    upgrade: null,
    upgrades: 0,
    expect: null,
  };
  for (let i = 0; i < fields.length; i += 2) lookAt(seen, fields[i]!, fields[i + 1]!);
  return seen;
}

function lookAt(seen: Seen, name: string, value: string): void {
  switch (name) {
    case 'host':
      seen.host = value;
      seen.hosts++;
      return;
    case 'content-length':
      seen.length = value;
      seen.lengths++;
      return;
    case 'transfer-encoding':
      seen.encoding = value;
      seen.encodings++;
      return;
    case 'connection':
      seen.connection = seen.connection === null ? value : `${seen.connection},${value}`;
      return;
    case 'upgrade':
      seen.upgrade = value;
      seen.upgrades++;
      return;
    case 'expect':
      seen.expect = seen.expect === null ? value : `${seen.expect},${value}`;
      return;
  }
}

function settle(draft: Draft, seen: Seen): RequestHead | Fault {
  const fault = hostFault(draft, seen) ?? targetFault(draft, seen) ?? framingFault(draft, seen);
  if (fault !== null) return new Fault(400, fault);
  if (seen.connection !== null) settleConnection(draft, seen.connection, seen);
  if (seen.expect !== null && draft.version === '1.1') {
    if (seen.expect.toLowerCase() !== '100-continue') return new Fault(417, 'unknown expectation');
    draft.expectsContinue = draft.bodyBytes !== 0;
  }
  return draft;
}

function hostFault({ version }: Draft, { host, hosts }: Seen): string | null {
  if (hosts > 1) return `${hosts} Host fields: there must be one`;
  if (host === null) return version === '1.0' ? null : 'no Host field';
  return hostShape.test(host) ? null : 'the Host field is not a host';
}

function targetFault(draft: Draft, { host }: Seen): string | null {
  const { target } = draft;
  if (target.charCodeAt(0) === 0x2f) return null;
  if (target === '*' && draft.method === 'OPTIONS') return null;
  const [, authority, rest] = absoluteForm.exec(target) ?? [];
  if (authority === undefined) return 'the request target is not a path';
  if (authority.toLowerCase() !== host?.toLowerCase()) return 'the request target and Host name two hosts';
  draft.target = rest!.startsWith('/') ? rest! : `/${rest!}`;
  return null;
}

function framingFault(draft: Draft, { length, lengths, encoding, encodings }: Seen): string | null {
  if (encoding !== null) {
    if (draft.version === '1.0') return 'HTTP/1.0 has no transfer-encoding';
    if (lengths > 0) return 'content-length beside transfer-encoding';
    if (encodings > 1 || encoding.toLowerCase() !== 'chunked')
      return 'the only transfer-encoding read here is chunked';
    draft.bodyBytes = null;
    return null;
  }
  if (length === null) return null;
  if (lengths > 1) return `${lengths} content-lengths: there must be one`;
  const bytes = contentLengthOf(length);
  if (bytes < 0) return 'the content-length is not a number of bytes';
  draft.bodyBytes = bytes;
  return null;
}

/** h2c is not passed on: behind a switched connection requests would come past the one who counts them. */
function settleConnection(draft: Draft, connection: string, { upgrade, upgrades }: Seen): void {
  const tokens = connectionTokens(connection);
  if (connection.toLowerCase() === 'close' || tokens?.has('close')) draft.isKeepAlive = false;
  draft.hopNames = tokens;
  if (upgrade === null || upgrades > 1 || draft.version === '1.0' || draft.bodyBytes !== 0) return;
  const protocol = upgrade.toLowerCase();
  if (tokens?.has('upgrade') && upgradeShape.test(upgrade) && protocol !== 'h2c') draft.upgrade = protocol;
}
