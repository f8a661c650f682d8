import type { Outbound } from '../traffic.ts';
import type { RequestHead } from './request-head.ts';
import type { ResponseHead } from './response-head.ts';

/** RFC 9110, 7.6.1. What frames the body and `host` are written anew. */
const notSent = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'transfer-encoding',
  'upgrade',
  'host',
  'content-length',
]);

/** The head that goes to the backend, as latin1. The body is framed as it came, whatever fields say of it. */
export function requestText(outbound: Outbound, head: RequestHead): string {
  const { fields } = outbound;
  const { hopNames, bodyBytes } = head;
  let text = `${outbound.method} ${outbound.target} HTTP/1.1\r\nhost: ${outbound.authority}\r\n`;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    if (notSent.has(name) || hopNames?.has(name)) continue;
    // HTTP/1.0 knows no interim answer, and its client waits for none.
    if (name === 'expect' && !head.expectsContinue) continue;
    text += `${name}: ${fields[i + 1]!}\r\n`;
  }
  if (bodyBytes === null) text += 'transfer-encoding: chunked\r\n';
  else if (bodyBytes > 0 || hasLength(head)) text += `content-length: ${bodyBytes}\r\n`;
  if (head.upgrade !== null) text += `connection: upgrade\r\nupgrade: ${head.upgrade}\r\n`;
  return `${text}\r\n`;
}

function hasLength({ fields }: RequestHead): boolean {
  for (let i = 0; i < fields.length; i += 2) if (fields[i] === 'content-length') return true;
  return false;
}

/** The head that goes to the client, as latin1. `framing` is a whole line, or empty. */
export function answerText(
  head: ResponseHead,
  fields: readonly string[],
  framing: string,
  isClosing: boolean,
): string {
  let text = `HTTP/1.1 ${head.statusText}\r\n`;
  for (let i = 0; i < fields.length; i += 2) text += `${fields[i]!}: ${fields[i + 1]!}\r\n`;
  text += framing;
  return isClosing ? `${text}connection: close\r\n\r\n` : `${text}\r\n`;
}
