import { Metadata, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { answerJson, startBackend } from '../support/backend.ts';
import { untilState, viewOf, waitingAt } from '../support/world.ts';
import { ask, field, grpcModel, Rig, type Stub, started, told, until } from './rig.ts';

const rig = new Rig();
afterEach(() => rig.close());

const byPath = 'match: { paths: [/acme.Echo/] }';
const unary = (stub: Stub, id = '', fields: Record<string, string> = {}, options: object = {}) =>
  started(stub.Unary.bind(stub), { model_name: 'anything', id }, fields, options);

describe('a call whose model is found by its path', () => {
  it('passes as it is in all four kinds, with trailers', async () => {
    const echo = rig.stub(await rig.gateway(grpcModel(byPath, { loadMs: 200 })), 'echo');
    const one = await unary(echo, 'a').outcome;
    expect(one.answer).toEqual({ model_name: 'anything', id: 'a' });
    const split = await told(echo.Split({ model_name: 'x', id: 'wait:5' }, new Metadata()));
    expect(split.messages.map(({ id }) => id)).toEqual(['5', '4', '3', '2', '1']);
    expect([split.code, field(split.trailers, 'served')]).toEqual([status.OK, '2']);
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const gather = echo.Gather(new Metadata(), {}, (error, answer) => resolve(error ?? answer));
    const piece = Buffer.alloc(512 * 1024, 1);
    for (let i = 0; i < 40; i++) gather.write({ model_name: 'x', raw_input_contents: [piece] });
    gather.end();
    expect(await promise).toEqual({ model_name: '40', id: String(40 * piece.length) });
    const chat = echo.Chat(new Metadata());
    const talked = told(chat);
    chat.write({ id: 'a' });
    chat.write({ id: 'b' });
    chat.end();
    const { messages, trailers } = await talked;
    expect(messages.map(({ infer_response }) => infer_response.id)).toEqual(['a', 'b']);
    expect(field(trailers, 'served')).toBe('4');
  });

  it('has its answer to a stream message by message, while it still sends', async () => {
    const echo = rig.stub(await rig.gateway(grpcModel(byPath)), 'echo');
    const chat = echo.Chat(new Metadata());
    const result = told(chat);
    for (const id of ['a', 'b', 'c']) {
      const { promise, resolve } = Promise.withResolvers<string>();
      chat.once('data', ({ infer_response }) => resolve(infer_response.id));
      chat.write({ id });
      expect(await promise).toBe(id);
    }
    chat.end();
    expect((await result).code).toBe(status.OK);
  });

  it('keeps its order and the limit of its model', async () => {
    const gateway = await rig.gateway(grpcModel(`${byPath}\n    concurrency: 2`, { loadMs: 300 }));
    const echo = rig.stub(gateway, 'echo');
    const order: number[] = [];
    const calls = Array.from({ length: 50 }, async (_, index) => {
      const { answer, trailers } = await unary(echo, `${index} wait:10`).outcome;
      order.push(index);
      return { id: answer?.id, most: Number(field(trailers, 'most')) };
    });
    const all = await Promise.all(calls);
    expect(all.map(({ id }) => id)).toEqual(Array.from({ length: 50 }, (_, index) => `${index} wait:10`));
    expect(Math.max(...all.map(({ most }) => most))).toBe(2);
    for (const [at, index] of order.entries()) expect(Math.abs(at - index)).toBeLessThanOrEqual(1);
    expect((await viewOf(gateway)).inFlight).toBe(0);
  });
});

describe('a client that leaves', () => {
  it('while it waits leaves the queue, and nothing is sent', async () => {
    const gateway = await rig.gateway(grpcModel(`${byPath}\n    concurrency: 1`));
    const echo = rig.stub(gateway, 'echo');
    const running = unary(echo, 'wait:600');
    await until(async () => (await viewOf(gateway)).inFlight).toBe(1);
    const leaving = unary(echo);
    await until(() => waitingAt(gateway)).toBe(1);
    leaving.call.cancel();
    await until(() => waitingAt(gateway)).toBe(0);
    expect((await leaving.outcome).code).toBe(status.CANCELLED);
    await running.outcome;
    expect(field((await unary(echo).outcome).trailers, 'served')).toBe('2');
  });

  it('while it is served gives its slot back, and the backend is told', async () => {
    const gateway = await rig.gateway(grpcModel(`${byPath}\n    concurrency: 1`));
    const echo = rig.stub(gateway, 'echo');
    // So that the next one has a connection to be sent on.
    await unary(echo, '').outcome;
    const { call, outcome } = unary(echo, 'wait:60000');
    await until(async () => (await viewOf(gateway)).inFlight).toBe(1);
    const next = unary(echo, 'wait:50');
    await until(() => waitingAt(gateway)).toBe(1);
    call.cancel();
    expect((await outcome).code).toBe(status.CANCELLED);
    const { code, trailers } = await next.outcome;
    // grpc-js calls every end so, also that of the one which was answered.
    expect([code, field(trailers, 'cancelled')]).toEqual([status.OK, '2']);
  });

  it('at its deadline leaves the queue as well; what is left of one goes on to the backend', async () => {
    const gateway = await rig.gateway(grpcModel(`${byPath}\n    concurrency: 1`, { loadMs: 300 }));
    const echo = rig.stub(gateway, 'echo');
    const deadline = Date.now() + 30_000;
    const first = await unary(echo, '', {}, { deadline }).outcome;
    const left = Number(field(first.trailers, 'left-ms'));
    expect(left).toBeGreaterThan(20_000);
    expect(left).toBeLessThan(29_750);
    const running = unary(echo, 'wait:1500');
    await until(async () => (await viewOf(gateway)).inFlight).toBe(1);
    const late = unary(echo, '', {}, { deadline: Date.now() + 300 });
    expect((await late.outcome).code).toBe(status.DEADLINE_EXCEEDED);
    await until(() => waitingAt(gateway)).toBe(0);
    expect((await running.outcome).code).toBe(status.OK);
  });
});

describe('a model of gRPC', () => {
  it('sleeps when nobody asks, and is started for the next call', async () => {
    const gateway = await rig.gateway(grpcModel(`${byPath}\n    scale: { idle: 300ms }`));
    const echo = rig.stub(gateway, 'echo');
    const first = await unary(echo).outcome;
    await untilState(gateway, 'cold');
    const second = await unary(echo).outcome;
    expect(second.code).toBe(status.OK);
    expect(field(second.trailers, 'pid')).not.toBe(field(first.trailers, 'pid'));
  });

  it('that changes while calls wait serves them by the new one', async () => {
    const models = (mark: string) =>
      grpcModel(`${byPath}\n    concurrency: 1`, { loadMs: 400, env: `MARK: ${mark}` });
    const gateway = await rig.gateway(models('a'), '', { drainMs: 10_000 });
    const echo = rig.stub(gateway, 'echo');
    const first = await unary(echo).outcome;
    const running = unary(echo, 'wait:800');
    await until(async () => (await viewOf(gateway)).inFlight).toBe(1);
    const waiting = [unary(echo, '1'), unary(echo, '2')];
    await until(() => waitingAt(gateway)).toBe(2);
    rig.reload(gateway, models('b'));
    expect((await running.outcome).code).toBe(status.OK);
    for (const { outcome } of waiting) {
      const { code, trailers } = await outcome;
      expect(code).toBe(status.OK);
      expect(field(trailers, 'pid')).not.toBe(field(first.trailers, 'pid'));
    }
  });

  it('that becomes one of HTTP/1.1 while calls wait refuses them', async () => {
    const gateway = await rig.gateway(grpcModel(`${byPath}\n    concurrency: 1`, { loadMs: 60_000 }));
    const echo = rig.stub(gateway, 'echo');
    const waiting = unary(echo);
    await until(() => waitingAt(gateway)).toBe(1);
    const old = await startBackend(answerJson);
    rig.onClose(() => old.close());
    const backend = `backend: { driver: static, urls: ["${old.url}"], ready: { tcp: true } }`;
    rig.reload(gateway, `\n  m:\n    ${backend}\n    ${byPath}\n`);
    const { code, trailers } = await waiting.outcome;
    expect([code, field(trailers, 'x-pilotlight-code')]).toEqual([
      status.UNIMPLEMENTED,
      'wrong_http_version',
    ]);
  });
});

describe('a gateway that ends', () => {
  it('serves the calls that run and wait, and refuses new ones', async () => {
    const gateway = await rig.gateway(grpcModel(`${byPath}\n    concurrency: 1`), '', { drainMs: 10_000 });
    const echo = rig.stub(gateway, 'echo');
    const calls = [unary(echo, 'wait:400'), unary(echo, 'wait:400')];
    await until(() => waitingAt(gateway)).toBe(1);
    const closing = gateway.close();
    const late = await unary(rig.stub(gateway, 'echo')).outcome;
    expect(late.code).toBe(status.UNAVAILABLE);
    for (const { outcome } of calls) expect((await outcome).code).toBe(status.OK);
    await closing;
  });

  it('cuts what is left after its drain', async () => {
    const gateway = await rig.gateway(grpcModel(`${byPath}\n    concurrency: 1`), '', { drainMs: 300 });
    const echo = rig.stub(gateway, 'echo');
    const running = unary(echo, 'wait:60000');
    await until(async () => (await viewOf(gateway)).inFlight).toBe(1);
    const waiting = unary(echo);
    await until(() => waitingAt(gateway)).toBe(1);
    await gateway.close();
    for (const { outcome } of [running, waiting]) {
      const { code, trailers } = await outcome;
      expect([code, field(trailers, 'x-pilotlight-code')]).toEqual([status.UNAVAILABLE, 'draining']);
    }
  });
});

describe('calls of several models', () => {
  it('go each to its own, over one connection', async () => {
    const models = grpcModel('', { name: 'm' }) + grpcModel('', { name: 'n' });
    const stub = rig.stub(await rig.gateway(models));
    const asked = ['m', 'n', 'm', 'n'].map((model_name) => ask(stub.ModelInfer.bind(stub), { model_name }));
    const pids = (await Promise.all(asked)).map(({ trailers }) => field(trailers, 'pid'));
    expect(pids[0]).toBe(pids[2]);
    expect(pids[1]).toBe(pids[3]);
    expect(pids[0]).not.toBe(pids[1]);
  });
});
