import type { OwnAnswer } from '../traffic.ts';

/** Reason phrases (RFC 9110, 15) of what is answered here. */
const reasons: Readonly<Record<number, string>> = {
  200: 'OK',
  202: 'Accepted',
  204: 'No Content',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  417: 'Expectation Failed',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

/** What an answer's head says beside the answer itself. */
export interface OwnAnswerContext {
  readonly wallMs: number;
  /** An answer to HEAD has no body. */
  readonly isHead: boolean;
  readonly isClosing: boolean;
}

/** An own answer in bytes, as latin1 text where its body is none but ASCII. */
export function ownAnswerBytes(
  { status, fields, body }: OwnAnswer,
  { wallMs, isHead, isClosing }: OwnAnswerContext,
): Buffer {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  let head = `HTTP/1.1 ${status} ${reasons[status] ?? ''}\r\n`;
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] !== 'content-length') head += `${fields[i]}: ${fields[i + 1]}\r\n`;
  }
  if (status !== 204) head += `content-length: ${bytes.length}\r\n`;
  head += `date: ${new Date(wallMs).toUTCString()}\r\n`;
  if (isClosing) head += 'connection: close\r\n';
  head += '\r\n';
  if (isHead || status === 204) return Buffer.from(head, 'latin1');
  return Buffer.concat([Buffer.from(head, 'latin1'), bytes]);
}

/** A refusal by the lane itself, before there is a request. */
export function plainAnswer(status: number, message: string): OwnAnswer {
  return {
    status,
    fields: ['content-type', 'text/plain; charset=utf-8'],
    body: `${message}\n`,
  };
}
