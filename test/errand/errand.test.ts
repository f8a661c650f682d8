import { once } from 'node:events';
import { afterEach, expect, it } from 'vitest';
import type { BackendCall } from '../../src/core/contract.ts';
import { PilotlightError } from '../../src/core/errors.ts';
import type { ErrandOrder } from '../../src/errand.ts';
import { ErrandAnswer } from '../../src/errand-answer.ts';
import { readWhole } from '../../src/protocols/read-whole.ts';
import { type Answer, answerJson, type Backend, startBackend } from '../support/backend.ts';
import { type DataPath, openDataPath } from '../support/data-path.ts';
import { settingsOf } from '../support/gateway.ts';
import { fixedModel, processModel } from '../support/world.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function backendOf(answer: Answer): Promise<Backend> {
  const backend = await startBackend(answer);
  closers.push(() => backend.close());
  return backend;
}

async function pathOf(models: string, rest = ''): Promise<DataPath> {
  const path = await openDataPath(settingsOf(models, rest));
  closers.push(() => path.close());
  return path;
}

const call: BackendCall = {
  method: 'POST',
  path: '/v1/chat/completions?a=b',
  contentType: 'application/json',
  headers: {},
  body: Buffer.from('{"model":"m"}'),
  isStream: false,
};

const order: ErrandOrder = {
  requestId: 'r-1',
  key: 'app',
  model: 'm',
  call,
  priority: 1,
  patienceMs: null,
  runLimit: null,
};

function send(path: DataPath, more: Partial<ErrandOrder> = {}, signal = new AbortController().signal) {
  return new ErrandAnswer(path.pipeline, { ...order, ...more }, signal);
}

const gateOf = (path: DataPath) => path.roster.find('m')!.gate;
const code = (value: string) => expect.objectContaining({ code: value });

it('an errand goes to the backend as it is, and its answer comes with head and body', async () => {
  const backend = await backendOf((res) =>
    res.writeHead(201, { 'content-type': 'text/plain', 'x-a': '1', 'set-cookie': ['a', 'b'] }).end('hello'),
  );
  const path = await pathOf(
    fixedModel([backend.url], '').replace('ready:', 'headers: { x-own: gateway }, ready:'),
    'auth: { keys: [{ name: app, key: a-secret-of-the-app-1234 }] }',
  );
  const headers = {
    'x-passed': 'yes',
    'x-own': 'client',
    authorization: 'Bearer x',
    'accept-encoding': 'gzip',
  };
  const answer = send(path, { call: { ...call, headers } });
  const { status, contentType, headers: answered, waitMs } = await answer.head;
  expect([status, contentType, answered['x-a'], answered['set-cookie']]).toEqual([
    201,
    'text/plain',
    '1',
    'a, b',
  ]);
  expect(waitMs).toBeGreaterThanOrEqual(0);
  expect((await readWhole(answer)).toString()).toBe('hello');
  const [seen] = backend.seen;
  expect(seen).toMatchObject({ method: 'POST', url: call.path, body: '{"model":"m"}' });
  expect(seen!.headers).toMatchObject({
    'x-passed': 'yes',
    'x-own': 'gateway',
    'x-request-id': 'r-1',
    'accept-encoding': 'identity',
    'content-type': 'application/json',
    'content-length': '13',
  });
  for (const absent of ['authorization', 'x-forwarded-for', 'forwarded'])
    expect(seen!.headers).not.toHaveProperty(absent);
  expect(path.accesses).toEqual([
    expect.objectContaining({
      requestId: 'r-1',
      key: 'app',
      model: 'm',
      path: '/v1/chat/completions',
      status: 201,
      outcome: 'answered',
      bytes: 5,
    }),
  ]);
  expect(gateOf(path).inFlight).toBe(0);
});

it('an errand wakes a cold model and tells how long it waited for the start', async () => {
  const path = await pathOf(processModel(100));
  const answer = send(path);
  const { status, waitMs, coldMs } = await answer.head;
  await readWhole(answer);
  expect(status).toBe(200);
  expect(coldMs).toBeGreaterThan(100);
  expect(waitMs).toBeGreaterThanOrEqual(coldMs);
});

it('an errand whose signal aborts leaves the queue, or frees its slot and cuts the backend', async () => {
  const departed: string[] = [];
  const backend = await backendOf((res) => {
    res.on('close', () => departed.push(res.writableFinished ? 'whole' : 'cut'));
  });
  const path = await pathOf(fixedModel([backend.url], 'concurrency: 1'));
  const first = new AbortController();
  const second = new AbortController();
  const running = send(path, {}, first.signal);
  const waiting = send(path, {}, second.signal);
  await expect
    .poll(() => [gateOf(path).inFlight, gateOf(path).waiting, backend.seen.length])
    .toEqual([1, 1, 1]);
  second.abort(new Error('second left'));
  await expect(waiting.head).rejects.toThrow('second left');
  expect([waiting.isSent, gateOf(path).waiting]).toEqual([false, 0]);
  first.abort(new Error('first left'));
  await expect(running.head).rejects.toThrow('first left');
  expect([running.isSent, gateOf(path).inFlight]).toEqual([true, 0]);
  await expect.poll(() => departed).toEqual(['cut']);
  expect(path.accesses.map(({ outcome }) => outcome)).toEqual(['gone', 'gone']);
});

it('who returns from the body cuts the backend', async () => {
  const backend = await backendOf((res) => res.writeHead(200).write('first'));
  const path = await pathOf(fixedModel([backend.url]));
  const answer = send(path);
  await answer.head;
  for await (const chunk of answer) {
    expect(chunk.toString()).toBe('first');
    break;
  }
  expect(gateOf(path).inFlight).toBe(0);
});

it('a backend that resets before or within its answer fails the errand, which may have been processed', async () => {
  const backend = await backendOf((res, req) => {
    if (req.url !== '/half') res.destroy();
    else res.writeHead(200, { 'content-length': '10' }).write('half', () => res.destroy());
  });
  const path = await pathOf(fixedModel([backend.url]));
  const before = send(path);
  await expect(before.head).rejects.toEqual(code('backend_reset'));
  expect(before.isSent).toBe(true);
  const within = send(path, { call: { ...call, path: '/half' } });
  await within.head;
  await expect(readWhole(within)).rejects.toEqual(code('backend_reset'));
  expect(backend.seen.length).toBe(2);
});

it('a backend that refuses connections is not taken for one that was asked', async () => {
  const backend = await backendOf(answerJson);
  const path = await pathOf(fixedModel([backend.url]));
  const first = send(path);
  await first.head;
  await readWhole(first);
  await backend.close();
  const answer = send(path, { patienceMs: 300 });
  await expect(answer.head).rejects.toEqual(code('backend_unreachable'));
  expect(answer.isSent).toBe(false);
});

it('an errand that may run for so long fails with the error it was given then', async () => {
  const backend = await backendOf((res) => res.writeHead(200).write('begun'));
  const path = await pathOf(fixedModel([backend.url]));
  const error = new PilotlightError('job_expired', 'job ran for 50 ms');
  const answer = send(path, { runLimit: { ms: 50, error } });
  await answer.head;
  await expect(readWhole(answer)).rejects.toBe(error);
  expect(gateOf(path).inFlight).toBe(0);
});

it('an answer that nobody reads holds the backend back', async () => {
  let written = 0;
  const backend = await backendOf(async (res) => {
    res.writeHead(200);
    for (; written < 64 && !res.destroyed; written++)
      if (!res.write(Buffer.alloc(1024 * 1024))) await once(res, 'drain').catch(() => undefined);
    res.end();
  });
  const path = await pathOf(fixedModel([backend.url]));
  const answer = send(path);
  await answer.head;
  await expect.poll(() => written, { interval: 100 }).toBeGreaterThan(0);
  let before = -1;
  await expect
    .poll(
      () => {
        const isSettled = before === written;
        before = written;
        return isSettled;
      },
      { interval: 200, timeout: 5_000 },
    )
    .toBe(true);
  expect(written).toBeLessThan(64);
  let bytes = 0;
  for await (const chunk of answer) bytes += chunk.length;
  expect(bytes).toBe(64 * 1024 * 1024);
});

it('errands count as requests: the queue refuses, unknown models too, and a drain waits for them', async () => {
  const held: (() => void)[] = [];
  const backend = await backendOf((res, req, body) => held.push(() => answerJson(res, req, body)));
  const path = await pathOf(fixedModel([backend.url], 'concurrency: 1\n    queue: { max: 1 }'));
  const running = send(path);
  await expect.poll(() => held.length).toBe(1);
  const waiting = send(path);
  await expect(send(path).head).rejects.toEqual(code('queue_full'));
  await expect(send(path, { model: 'other' }).head).rejects.toEqual(code('model_not_found'));
  const drained = path.pipeline.drain(10_000);
  await expect(send(path).head).rejects.toEqual(code('draining'));
  held[0]!();
  await readWhole(running);
  await expect.poll(() => held.length).toBe(2);
  held[1]!();
  await waiting.head;
  await readWhole(waiting);
  expect(await drained).toBe(0);
});

it('what is left when a drain has passed is cut', async () => {
  const backend = await backendOf((res) => res.writeHead(200).write('begun'));
  const path = await pathOf(fixedModel([backend.url]));
  const answer = send(path);
  await answer.head;
  expect(await path.pipeline.drain(20)).toBe(1);
  await expect(readWhole(answer)).rejects.toEqual(code('draining'));
});
