import { afterEach, expect, it } from 'vitest';
import { ask, viewOf, World } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

/** A server that answers each POST with all that it was sent so far; `argv[2]`: the status of its completions. */
const script = `
  const seen = [];
  require('http').createServer((req, res) => {
    if (req.method === 'GET') return res.end();
    let body = '';
    req.on('data', (chunk) => body += chunk).on('end', () => {
      seen.push({ path: req.url, ...JSON.parse(body) });
      res.writeHead(req.url === '/v1/completions' ? +process.argv[2] : 200, { 'content-type': 'application/json' });
      res.end(JSON.stringify({ seen }));
    });
  }).listen(+process.argv[1], '127.0.0.1');
`;

function model(warmUp: string, status = 200): string {
  const command = JSON.stringify([process.execPath, '-e', script, '{port}', String(status)]);
  return `
  m:
    backend: { driver: process, command: ${command}, ready: { path: /health, warmUp: ${warmUp} }, stopGrace: 2s }
    sendModel: org/m
    scale: { idle: 300ms }
`;
}

type Gateway = Awaited<ReturnType<World['gateway']>>;

/** What the server had been sent when a client's request came, that one included. */
async function seenBy(gateway: Gateway): Promise<{ path: string; model?: string; max_tokens?: number }[]> {
  const { status, text } = await ask(gateway).whole();
  expect(status).toBe(200);
  return JSON.parse(text).seen;
}

async function lastSteps(gateway: Gateway): Promise<{ name: string; detail?: string }[]> {
  const view = (await viewOf(gateway)) as unknown as { lastStarts: { steps: { name: string }[] }[] };
  return view.lastStarts[0]!.steps;
}

it('a fresh replica is warmed by one token before it gets the request that woke it, each time', async () => {
  const gateway = await world.gateway(model('auto'));
  const first = await seenBy(gateway);
  expect(first).toHaveLength(2);
  expect(first[0]).toMatchObject({ path: '/v1/completions', model: 'org/m', max_tokens: 1 });
  const names = (await lastSteps(gateway)).map(({ name }) => name);
  expect(names.slice(names.indexOf('warming'), names.indexOf('ready') + 1)).toEqual([
    'warming',
    'warmed',
    'ready',
  ]);
  await expect.poll(async () => (await viewOf(gateway)).state, { timeout: 10_000 }).toBe('cold');
  expect(await seenBy(gateway)).toHaveLength(2);
});

it('a backend without completions is warmed by a chat', async () => {
  const gateway = await world.gateway(model('auto', 404));
  expect((await seenBy(gateway)).map(({ path }) => path).slice(0, 2)).toEqual([
    '/v1/completions',
    '/v1/chat/completions',
  ]);
  expect((await lastSteps(gateway)).map(({ name }) => name)).toContain('warmed');
});

it('a warm-up that fails keeps nobody waiting, and says why', async () => {
  const gateway = await world.gateway(model('auto', 500));
  expect(await seenBy(gateway)).toHaveLength(2);
  expect(await lastSteps(gateway)).toContainEqual(
    expect.objectContaining({
      name: 'warm-up failed',
      detail: expect.stringMatching(/^POST \/v1\/completions: 500/),
    }),
  );
});

it('the request may be written', async () => {
  const gateway = await world.gateway(model('{ path: /v1/rerank, body: { query: a, documents: [b] } }'));
  expect((await seenBy(gateway))[0]).toEqual({ path: '/v1/rerank', query: 'a', documents: ['b'] });
});
