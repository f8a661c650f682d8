import type { OwnAnswer } from '../relay/traffic.ts';

/** A target without its query. */
export function pathOf(target: string): string {
  const query = target.indexOf('?');
  return query < 0 ? target : target.slice(0, query);
}

const plain = ['content-type', 'text/plain; charset=utf-8', 'x-content-type-options', 'nosniff'];

/** What the ports of statistics and metrics answer to other paths, to the letter of Go's net/http. */
export const notFound: OwnAnswer = { status: 404, fields: plain, body: '404 page not found\n' };

/** What the port of metrics answers to methods other than GET and HEAD. */
export const methodNotAllowed: OwnAnswer = {
  status: 405,
  fields: ['allow', 'GET, HEAD', ...plain],
  body: 'Method Not Allowed\n',
};
