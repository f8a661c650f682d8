import { createHash } from 'node:crypto';
import { Metadata, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { answerJson, startBackend } from '../support/backend.ts';
import { chat, settingsOf } from '../support/gateway.ts';
import { untilState, viewOf, waitingAt } from '../support/world.ts';
import { ask, field, grpcModel, type Outcome, Rig, type Stub, started, told, until } from './rig.ts';

const rig = new Rig();
afterEach(() => rig.close());

const infer = (stub: Stub, asked: object = {}, fields: Record<string, string> = {}, options: object = {}) =>
  ask(stub.ModelInfer.bind(stub), { model_name: 'm', ...asked }, fields, options);

/** The process that serves a call, which must be served. */
async function pidOf(stub: Stub): Promise<number> {
  const { code, details, trailers } = await infer(stub);
  expect([code, details]).toEqual([status.OK, '']);
  return Number(field(trailers, 'pid'));
}

/** What a client of gRPC sees of an error. */
const seen = ({ code, trailers }: Outcome) => ({
  status: status[code],
  code: field(trailers, 'x-pilotlight-code'),
  pushback: field(trailers, 'grpc-retry-pushback-ms'),
});

describe('a call that is refused ends with a status of gRPC', () => {
  it('where its model is not known, or not named', async () => {
    const stub = rig.stub(await rig.gateway(grpcModel()));
    const unknown = await infer(stub, { model_name: 'nope' });
    expect(seen(unknown)).toEqual({ status: 'NOT_FOUND', code: 'model_not_found', pushback: undefined });
    expect(unknown.details).toBe('model "nope" not found; known: m');
    expect(field(unknown.trailers, 'x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(seen(await infer(stub, { model_name: '' }))).toMatchObject({
      status: 'INVALID_ARGUMENT',
      code: 'model_required',
    });
  });

  it('where nothing takes the method', async () => {
    const gateway = await rig.gateway(grpcModel());
    const stub = rig.stub(gateway);
    const unload = await ask(stub.RepositoryModelUnload.bind(stub), { name: 'm' });
    expect(seen(unload)).toMatchObject({ status: 'UNIMPLEMENTED', code: 'route_not_found' });
    const echo = rig.stub(gateway, 'echo');
    const other = await ask(echo.Unary.bind(echo), { model_name: 'm' });
    expect(seen(other)).toMatchObject({ status: 'UNIMPLEMENTED', code: 'route_not_found' });
  });

  it('without a key, or with a wrong one; the key of the gateway stays there', async () => {
    const sha256 = createHash('sha256').update('secret').digest('hex');
    const auth = `auth: { keys: [{ name: app, sha256: ${sha256} }] }`;
    const stub = rig.stub(await rig.gateway(grpcModel(), auth));
    expect(seen(await infer(stub))).toMatchObject({ status: 'UNAUTHENTICATED', code: 'invalid_api_key' });
    expect(seen(await infer(stub, {}, { authorization: 'Bearer other' }))).toMatchObject({
      status: 'UNAUTHENTICATED',
    });
    const served = await infer(stub, {}, { authorization: 'Bearer secret' });
    expect([served.code, field(served.trailers, 'got-authorization')]).toEqual([status.OK, undefined]);
    expect((await infer(stub, {}, { 'x-api-key': 'secret' })).code).toBe(status.OK);
  });

  it('where the queue is full, and one who waited too long where it was', async () => {
    const more = 'concurrency: 1\n    queue: { max: 1, timeout: 1s }';
    const gateway = await rig.gateway(grpcModel(more));
    const stub = rig.stub(gateway);
    await pidOf(stub);
    const running = started(stub.ModelInfer.bind(stub), { model_name: 'm', id: 'wait:5000' });
    await until(async () => (await viewOf(gateway)).inFlight).toBe(1);
    const waiting = infer(stub);
    await until(() => waitingAt(gateway)).toBe(1);
    const full = await infer(stub);
    expect(seen(full)).toMatchObject({ status: 'RESOURCE_EXHAUSTED', code: 'queue_full' });
    expect(Number(seen(full).pushback)).toBeGreaterThanOrEqual(1000);
    expect(seen(await waiting)).toEqual({
      status: 'DEADLINE_EXCEEDED',
      code: 'queue_timeout',
      pushback: '-1',
    });
    expect((await running.outcome).code).toBe(status.OK);
  });

  it('where its model does not start', async () => {
    const stub = rig.stub(await rig.gateway(grpcModel('', { env: 'FAIL: "1"' })));
    const failed = await infer(stub);
    expect(seen(failed)).toEqual({ status: 'UNAVAILABLE', code: 'start_failed', pushback: '-1' });
    expect(failed.details).toContain('exited with code 3');
  });

  it('where its model is cold and rejects, with a time for the next try', async () => {
    const stub = rig.stub(await rig.gateway(grpcModel('cold: reject', { loadMs: 500 })));
    expect(seen(await infer(stub))).toEqual({ status: 'UNAVAILABLE', code: 'cold', pushback: '1000' });
  });

  it('where its first message is compressed, or too large, or has no room', async () => {
    const gateway = await rig.gateway(grpcModel(), '', { maxBodyBytes: 10_000, heldMemoryBytes: 5_000 });
    const stub = rig.stub(gateway);
    const bytes = (length: number) => ({ raw_input_contents: [Buffer.alloc(length)] });
    expect(seen(await infer(stub, bytes(10_000)))).toMatchObject({
      status: 'RESOURCE_EXHAUSTED',
      code: 'body_too_large',
    });
    expect(seen(await infer(stub, bytes(6_000)))).toMatchObject({
      status: 'RESOURCE_EXHAUSTED',
      code: 'memory_full',
    });
    expect((await infer(stub, bytes(1_000))).code).toBe(status.OK);
    const packing = rig.stub(gateway, 'inference', { 'grpc.default_compression_algorithm': 2 });
    const packed = await infer(packing, bytes(1_000));
    expect(seen(packed)).toMatchObject({ status: 'UNIMPLEMENTED', code: 'unsupported_encoding' });
  });

  it('where its first message does not arrive in time, or not at all', async () => {
    const { limits } = settingsOf(grpcModel()).server;
    const gateway = await rig.gateway(grpcModel(), '', { limits: { ...limits, bodyTimeoutMs: 300 } });
    const stub = rig.stub(gateway);
    const late = told(stub.ModelStreamInfer(new Metadata()));
    expect(await late).toMatchObject({ code: status.DEADLINE_EXCEEDED });
    const ended = stub.ModelStreamInfer(new Metadata());
    const result = told(ended);
    ended.end();
    expect(await result).toMatchObject({ code: status.INVALID_ARGUMENT });
  });

  it('where the backend of its model speaks another version of HTTP, either way', async () => {
    const backend = await startBackend(answerJson);
    rig.onClose(() => backend.close());
    const other = `  old:\n    backend: { driver: static, urls: ["${backend.url}"], ready: { tcp: true } }\n`;
    const gateway = await rig.gateway(grpcModel() + other);
    const refused = await infer(rig.stub(gateway), { model_name: 'old' });
    expect(seen(refused)).toMatchObject({ status: 'UNIMPLEMENTED', code: 'wrong_http_version' });
    expect(refused.details).toContain('speaks HTTP/1.1');
    const response = await fetch(`${gateway.url}/v1/chat/completions`, chat('m'));
    expect([response.status, await response.json()]).toMatchObject([
      505,
      { error: { code: 'wrong_http_version' } },
    ]);
  });
});

describe('a failure of the backend', () => {
  it('that is its answer is passed on with its status, its message and its trailers', async () => {
    const stub = rig.stub(await rig.gateway(grpcModel()));
    const failed = await infer(stub, { id: `fail:${status.FAILED_PRECONDITION}` });
    expect([failed.code, failed.details]).toEqual([status.FAILED_PRECONDITION, 'as asked: 100 %']);
    expect(field(failed.trailers, 'served')).toBe('1');
    expect(seen(failed).code).toBe(undefined);
  });

  it('in the middle of a call is a status that asks for no retry', async () => {
    const gateway = await rig.gateway(grpcModel());
    const stub = rig.stub(gateway);
    const pid = await pidOf(stub);
    const call = infer(stub, { id: 'wait:60000' });
    await until(async () => (await viewOf(gateway)).inFlight).toBe(1);
    process.kill(pid, 'SIGKILL');
    expect(seen(await call)).toEqual({ status: 'UNAVAILABLE', code: 'backend_reset', pushback: '-1' });
    // It is started again for the next one.
    expect((await infer(stub)).code).toBe(status.OK);
  });

  it('after its head is visible in the middle of a stream', async () => {
    const gateway = await rig.gateway(grpcModel());
    const stub = rig.stub(gateway);
    const pid = await pidOf(stub);
    const call = stub.ModelStreamInfer(new Metadata());
    const result = told(call);
    const { promise: hasMessage, resolve } = Promise.withResolvers<void>();
    call.once('data', () => resolve());
    call.write({ model_name: 'm', id: '1' });
    await hasMessage;
    process.kill(pid, 'SIGKILL');
    const { code, messages } = await result;
    expect(code).not.toBe(status.OK);
    expect(messages).toHaveLength(1);
  });

  it('past its time is a deadline that was exceeded', async () => {
    const gateway = await rig.gateway(grpcModel('timeouts: { total: 600ms }'));
    const stub = rig.stub(gateway);
    // The start may take longer than a call may.
    await rig.warm(stub);
    await untilState(gateway, 'ready');
    const late = await infer(stub, { id: 'wait:60000' });
    expect(seen(late)).toMatchObject({ status: 'DEADLINE_EXCEEDED', code: 'backend_timeout' });
    expect(late.details).toBe('backend timed out: timeouts.total is 600 ms');
  });
});
