import type { FlatHeaders } from '../forward/headers.ts';
import type { OwnAnswer } from '../relay/traffic.ts';

/** How Go's http.Error says something: a line of text. */
const errorFields: FlatHeaders = [
  'content-type',
  'text/plain; charset=utf-8',
  'x-content-type-options',
  'nosniff',
];

/** How Go says what was written without a content-type, when it looks like text. */
const textFields: FlatHeaders = ['content-type', 'text/plain; charset=utf-8'];

/** An error to the letter of Go's http.Error. */
export function errorAnswer(status: number, message: string): OwnAnswer {
  return { status, fields: errorFields, body: `${message}\n` };
}

/** Text without an end of line. */
export function textAnswer(status: number, body: string): OwnAnswer {
  return { status, fields: textFields, body };
}

/** A status and nothing else. */
export function emptyAnswer(status: number, fields: FlatHeaders = []): OwnAnswer {
  return { status, fields, body: '' };
}
