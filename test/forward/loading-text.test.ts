import { afterEach, describe, expect, it } from 'vitest';
import { type Answer, answerJson } from '../support/backend.ts';
import { ask, World } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

/** A model whose backend says first `status` and `body`, then answers; its probe passes all the time. */
async function whole(status: number, body: string, ready = '') {
  let isFirst = true;
  const answer: Answer = (res, req, text) => {
    if (!isFirst) answerJson(res, req, text);
    else res.writeHead(status).end(body);
    isFirst = false;
  };
  const backend = await world.backend(answer);
  const gateway = await world.gateway(
    `\n  m: { backend: { driver: static, urls: ["${backend.url}"], ready: { path: /health${ready} } } }\n`,
  );
  const { status: told } = await ask(gateway).whole();
  return { told, seen: backend.seen.length };
}

const custom = ', loading: "warming up"';

describe('a 503 whose body has the text of ready.loading', () => {
  it.each([
    ['by default', 503, '{"error":{"message":"Loading model","code":503}}', '', 200, 2],
    ['as configured', 503, 'model is warming up: 40 %', custom, 200, 2],
    ['not the default where another is configured', 503, 'Loading model', custom, 503, 1],
    ['not with another text', 503, 'overloaded', '', 503, 1],
    ['not with another status', 500, 'Loading model', '', 500, 1],
  ])('means that the request was not processed: %s', async (_which, status, body, ready, told, seen) => {
    expect(await whole(status, body, ready)).toEqual({ told, seen });
  });
});
