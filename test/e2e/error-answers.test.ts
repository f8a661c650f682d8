import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { answerJson } from '../support/backend.ts';
import { Exchange, type SentHeaders } from '../support/exchange.ts';
import { type Gateway, settingsOf, startGateway } from '../support/gateway.ts';
import { World } from '../support/world.ts';

const world = new World();
/** One gateway with a model for each way to fail; `keyed` asks for a key; `full` has no room for a body. */
const gateways: Record<string, Gateway> = {};

/** One that refuses its first connection is not asked again: each route has its own. */
const dialects = [
  { route: '/v1/chat/completions', isAnthropic: false },
  { route: '/v1/responses', isAnthropic: false },
  { route: '/v1/messages', isAnthropic: true },
];

const fixed = (url: string, more = '') =>
  `{ backend: { driver: static, urls: ["${url}"], ready: { path: /health } }, ${more} }`;
const started = (script: string, more = '') =>
  `{ backend: { driver: process, command: ${JSON.stringify([process.execPath, '-e', script, '{port}'])} }, ${more} }`;

async function gatewayOf(models: string, server: object = {}, rest = ''): Promise<Gateway> {
  const settings = settingsOf(models, rest);
  const gateway = await startGateway({
    ...settings,
    server: { ...settings.server, drainMs: 100, ...server },
  });
  world.onClose(() => gateway.close());
  return gateway;
}

const stateOf = async (model: string) => {
  const view = await (
    await fetch(`${gateways.main!.adminUrl}/api/models/${encodeURIComponent(model)}`)
  ).json();
  return view as { state: string; queue: { waiting: number } };
};

beforeAll(async () => {
  const loading = await world.backend(answerJson);
  loading.isReady = false;
  const hanging = await world.backend(() => undefined);
  const resetting = await world.backend((_res, req) => req.socket.destroy());
  const leaving = await world.backend(answerJson);
  const models = `
  full: ${fixed(loading.url, 'queue: { max: 1 }')}
  late: ${fixed(loading.url, 'queue: { timeout: 50ms }')}
  rejecting: ${started('setTimeout(() => undefined, 1e6)', 'cold: reject')}
  failing: ${started('console.log("no GPU"); process.exit(3)')}
  paused: ${fixed(hanging.url)}
${dialects.map(({ route }) => `  leaving${route}: ${fixed(leaving.url, 'queue: { timeout: 500ms }')}`).join('\n')}
  resetting: ${fixed(resetting.url)}
  hanging: ${fixed(hanging.url, 'timeouts: { firstByte: 50ms }')}
`;
  gateways.main = await gatewayOf(models, { maxBodyBytes: 10_000 });
  gateways.keyed = await gatewayOf(
    `\n  m: ${fixed(hanging.url)}\n`,
    {},
    'auth: { keys: [{ name: a, key: k }] }',
  );
  const room = { heldMemoryBytes: 0, spool: { dir: '/nowhere', maxBytes: 0 } };
  gateways.full = await gatewayOf(`\n  m: ${fixed(hanging.url)}\n`, room);
  await fetch(`${gateways.main.adminUrl}/api/models/paused/pause`, { method: 'POST' });
  const waiter = new Exchange(`${gateways.main.url}/v1/embeddings`, { model: 'full' });
  world.onClose(() => waiter.abort());
  await vi.waitUntil(async () => (await stateOf('full')).queue.waiting === 1);
  for (const { route } of dialects)
    await vi.waitUntil(async () => (await stateOf(`leaving${route}`)).state === 'ready');
  await leaving.close();
});
afterAll(() => world.close());

/** The design page's table "What a client gets": code, status, x-should-retry, and type in both families of dialects. */
interface Case {
  readonly code: string;
  readonly status: number;
  readonly types: readonly [openai: string, anthropic: string];
  readonly body: object;
  readonly retry?: 'true' | 'false';
  readonly at?: string;
  readonly param?: string;
  readonly message: RegExp;
}

const invalid = ['invalid_request_error', 'invalid_request_error'] as const;
const limited = ['rate_limit_error', 'rate_limit_error'] as const;
const overloaded = ['server_error', 'overloaded_error'] as const;
const broken = ['server_error', 'api_error'] as const;

const cases: readonly Case[] = [
  {
    code: 'model_not_found',
    ...{ status: 404, types: ['invalid_request_error', 'not_found_error'], param: 'model' },
    ...{ body: { model: 'other' }, message: /"other" not found; known: full, late, rejecting, failing/ },
  },
  {
    code: 'invalid_api_key',
    ...{ status: 401, types: ['authentication_error', 'authentication_error'], at: 'keyed' },
    ...{ body: { model: 'm' }, message: /^no API key/ },
  },
  {
    code: 'model_required',
    ...{ status: 400, types: invalid, body: {}, param: 'model', message: /names no model/ },
  },
  {
    code: 'model_required',
    ...{ status: 400, types: invalid, body: { model: 7 }, param: 'model', message: /not a string/ },
  },
  {
    code: 'model_required',
    ...{ status: 400, types: invalid, body: { model: '' }, param: 'model', message: /empty/ },
  },
  { code: 'invalid_body', ...{ status: 400, types: invalid, body: [], message: /^invalid body/ } },
  {
    code: 'body_too_large',
    ...{ status: 413, types: ['invalid_request_error', 'request_too_large'] },
    ...{ body: { x: 'x'.repeat(10_000) }, message: /server\.maxBody is 10000 bytes/ },
  },
  {
    code: 'queue_full',
    ...{ status: 429, types: limited, retry: 'true' },
    ...{ body: { model: 'full' }, message: /model "full" has 1 of 1 waiting/ },
  },
  {
    code: 'memory_full',
    ...{ status: 429, types: limited, retry: 'true', at: 'full' },
    ...{ body: { model: 'm' }, message: /^memory full/ },
  },
  {
    code: 'queue_timeout',
    ...{ status: 503, types: overloaded, retry: 'false' },
    ...{ body: { model: 'late' }, message: /model "late" was not ready within 0\.[01]s/ },
  },
  {
    code: 'cold',
    ...{ status: 503, types: overloaded, retry: 'true' },
    ...{ body: { model: 'rejecting' }, message: /model "rejecting" is cold/ },
  },
  {
    code: 'paused',
    ...{ status: 503, types: overloaded, retry: 'false' },
    ...{ body: { model: 'paused' }, message: /model "paused" is paused/ },
  },
  {
    code: 'start_failed',
    ...{ status: 503, types: overloaded, retry: 'false' },
    ...{ body: { model: 'failing' }, message: /exited with code 3.*no GPU.*\(after "spawned"\)/ },
  },
  {
    code: 'backend_unreachable',
    ...{ status: 502, types: broken, retry: 'true' },
    ...{ body: { model: 'leaving' }, message: /refused until the deadline/ },
  },
  {
    code: 'backend_reset',
    ...{ status: 502, types: broken, retry: 'false', body: { model: 'resetting' }, message: /./ },
  },
  {
    code: 'backend_timeout',
    ...{ status: 504, types: ['server_error', 'timeout_error'], retry: 'false' },
    ...{ body: { model: 'hanging' }, message: /firstByte/ },
  },
];

describe.each(dialects)('what a client of $route gets', ({ route, isAnthropic }) => {
  it.each(cases)(
    '$code with $body',
    async ({ code, status, types, body, retry, at = 'main', param, message }) => {
      const headers: SentHeaders = { 'x-request-id': 'my-own-id' };
      const answer = await new Exchange(
        gateways[at]!.url + route,
        code === 'backend_unreachable' ? { model: `leaving${route}` } : body,
        headers,
      ).whole();
      expect([answer.status, answer.end]).toEqual([status, 'whole']);
      const text = expect.stringMatching(message);
      expect(JSON.parse(answer.text)).toEqual(
        isAnthropic
          ? { type: 'error', error: { type: types[1], message: text } }
          : { error: { message: text, type: types[0], param: param ?? null, code } },
      );
      expect(answer.headers).toMatchObject({
        'content-type': 'application/json',
        'x-request-id': 'my-own-id',
      });
      expect(answer.headers['x-should-retry']).toBe(retry);
      const [seconds, ms] = [Number(answer.headers['retry-after']), Number(answer.headers['retry-after-ms'])];
      const isTimed = status === 429 || status === 503;
      expect([seconds, ms]).toEqual(isTimed ? [Math.ceil(ms / 1_000), ms] : [Number.NaN, Number.NaN]);
      if (isTimed) expect(ms).toSatisfy((it) => it >= 1_000 && it <= 60_000);
    },
  );
});
