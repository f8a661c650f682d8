import { afterEach, expect, it } from 'vitest';
import { askModel } from '../../src/ask.ts';
import type { AnswerTranslator, Contract } from '../../src/core/contract.ts';
import type { Ask, DeskModel } from '../../src/core/desk.ts';
import { contractOf } from '../../src/protocols/contracts/contracts.ts';
import { readWhole } from '../../src/protocols/read-whole.ts';
import { type Answer, startBackend } from '../support/backend.ts';
import { openDataPath } from '../support/data-path.ts';
import { settingsOf } from '../support/gateway.ts';
import { fixedModel } from '../support/world.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function rig(answer: Answer, contract: Contract = contractOf('openai')) {
  const backend = await startBackend(answer);
  const path = await openDataPath(settingsOf(fixedModel([backend.url])));
  closers.push(
    () => backend.close(),
    () => path.close(),
  );
  const model = {
    ...{ name: 'm', aliases: [], contract, maxConcurrency: null, readyReplicas: 1, inFlight: 0, waiting: 0 },
    contractModel: { name: 'known-as', path: null, responses: 'backend' },
    wakeInfo: () => path.roster.find('m')!.wakeInfo(),
    wake: () => null,
  } satisfies DeskModel;
  const asked = (more: Partial<Ask> = {}) => askModel(path.pipeline, model, { ...ask, ...more });
  return { backend, path, asked };
}

const ask: Ask = {
  model: 'm',
  invocation: {
    path: null,
    method: 'POST',
    contentType: 'application/json',
    headers: {},
    content: { input: { prompt: 'Hello' } },
    isStream: false,
    id: 'x',
  },
  caller: { tenant: 'app', requestId: 'r-1', highestClass: 0, signal: new AbortController().signal },
  patienceMs: null,
  priority: 1,
};

it('a surface asks a model by the contract of its backend', async () => {
  const { backend, path, asked } = await rig((res) =>
    res.writeHead(422, { 'content-type': 'application/json' }).end('{"detail":"no"}'),
  );
  const answer = await asked();
  expect([answer.status, answer.contentType]).toEqual([422, 'application/json']);
  expect((await readWhole(answer.body)).toString()).toBe('{"detail":"no"}');
  expect(backend.seen[0]).toMatchObject({ url: '/v1/completions' });
  expect(JSON.parse(backend.seen[0]!.body)).toEqual({ model: 'known-as', prompt: 'Hello' });
  expect(path.accesses).toEqual([expect.objectContaining({ key: 'app', requestId: 'r-1', status: 422 })]);
});

it('what cannot be asked of the contract is refused before the gate', async () => {
  const { path, asked } = await rig(() => undefined);
  const invocation = { ...ask.invocation, content: { input: 'text' } };
  await expect(asked({ invocation })).rejects.toMatchObject({ code: 'invalid_body' });
  expect(path.accesses).toEqual([]);
});

it('a run that is bounded ends with backend_timeout', async () => {
  const { asked } = await rig(() => undefined);
  await expect(asked({ runMs: 30 })).rejects.toMatchObject({
    code: 'backend_timeout',
    message: 'backend timed out: the request may run for 30 ms',
  });
});

const translator = (): AnswerTranslator => ({
  event: (data) => (data === '[DONE]' ? ['end'] : [`a-${data}`, `b-${data}`]),
  whole: ({ status, body }) => Buffer.from(`${status}:${body}`),
});

const translating: Contract = {
  ...contractOf('openai'),
  call: (...facts) => ({ ...contractOf('openai').call(...facts), translator: translator() }),
};

it('an answer of another API is translated event by event, or as a whole', async () => {
  const { asked } = await rig((res, _req, body) => {
    if (!body.includes('"stream":true'))
      return res.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    res.write('data: 1\n\ndata: 2');
    return res.end('\n\ndata: [DONE]\n\n');
  }, translating);
  const whole = await asked();
  expect((await readWhole(whole.body)).toString()).toBe('200:{}');
  const stream = await asked({ invocation: { ...ask.invocation, isStream: true } });
  const text = (await readWhole(stream.body)).toString();
  expect(text).toBe(['a-1', 'b-1', 'a-2', 'b-2', 'end'].map((data) => `data: ${data}\n\n`).join(''));
});
