import {
  InternalStreamFailure,
  InvokeEndpointAsyncCommand,
  InvokeEndpointCommand,
  InvokeEndpointWithResponseStreamCommand,
  ModelError,
  ModelNotReadyException,
  ModelStreamError,
  type ResponseStream,
  SageMakerRuntimeClient,
  ValidationError,
} from '@aws-sdk/client-sagemaker-runtime';
import { afterEach, describe, expect, it } from 'vitest';
import { PilotlightError } from '../../../src/core/errors.ts';
import { sagemaker } from '../../../src/protocols/sagemaker/surface.ts';
import { type PlayedAnswer, PlayedDesk, type PlayedModel, pieces } from '../../support/played-desk.ts';
import { serveSurface } from '../../support/served-surface.ts';

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function set(
  backend: () => PlayedAnswer,
  { limits = 'own', ...model }: Partial<PlayedModel> & { limits?: 'own' | 'original' } = {},
) {
  const desk = new PlayedDesk([{ name: 'llama', aliases: ['Org/Llama-3'], ...model }], backend);
  const { url, close } = await serveSurface(sagemaker, desk, { limits });
  const credentials = { accessKeyId: 'key', secretAccessKey: 'secret' };
  const client = new SageMakerRuntimeClient({
    endpoint: url,
    region: 'eu-west-1',
    credentials,
    maxAttempts: 1,
  });
  closers.push(() => client.destroy(), close);
  return { desk, client, url };
}

function text(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString();
}

describe('InvokeEndpoint', () => {
  it('passes bytes, types and attributes on to the container, and its answer back', async () => {
    const headers = { 'x-amzn-sagemaker-custom-attributes': 'trace=2', 'x-other': 'stays' };
    const { client, desk } = await set(() => ({ body: 'a,b', contentType: 'text/csv', headers }));
    const answer = await client.send(
      new InvokeEndpointCommand({
        EndpointName: 'Org/Llama-3',
        Body: Buffer.from('RIFF'),
        ContentType: 'audio/wav',
        Accept: 'text/csv',
        CustomAttributes: 'trace=1',
        InferenceId: 'mine',
        TargetVariant: 'AllTraffic',
      }),
    );
    expect(text(answer.Body)).toBe('a,b');
    expect(answer).toMatchObject({
      ContentType: 'text/csv',
      CustomAttributes: 'trace=2',
      InvokedProductionVariant: 'AllTraffic',
    });
    const { call, ask } = desk.asked[0]!;
    expect(ask).toMatchObject({ model: 'llama', priority: 1, patienceMs: null });
    expect({ ...call, body: text(call.body) }).toEqual({
      method: 'POST',
      path: '/invocations',
      contentType: 'audio/wav',
      body: 'RIFF',
      isStream: false,
      headers: {
        accept: 'text/csv',
        'x-amzn-sagemaker-custom-attributes': 'trace=1',
        'x-amzn-sagemaker-inference-id': 'mine',
      },
    });
  });

  it('takes what has no type for JSON where the backend speaks OpenAI', async () => {
    const { client, desk } = await set(() => ({ body: '{}' }), { contract: 'openai' });
    await client.send(new InvokeEndpointCommand({ EndpointName: 'llama', Body: '{"messages":[]}' }));
    expect(desk.asked[0]!.call).toMatchObject({
      path: '/v1/chat/completions',
      contentType: 'application/json',
    });
    expect(text(desk.asked[0]!.call.body)).toBe('{"model":"llama","messages":[]}');
  });

  it("rejects with a ModelError that holds the container's own", async () => {
    const { client } = await set(() => ({ status: 500, body: '{"error":"CUDA out of memory"}' }));
    const fault = await client
      .send(new InvokeEndpointCommand({ EndpointName: 'llama', Body: 'x' }))
      .catch((e: unknown) => e);
    expect(fault).toBeInstanceOf(ModelError);
    expect(fault).toMatchObject({
      name: 'ModelError',
      OriginalStatusCode: 500,
      OriginalMessage: '{"error":"CUDA out of memory"}',
      $metadata: { httpStatusCode: 424 },
    });
  });

  it.each([
    ['cold', 429, 'ModelNotReadyException'],
    ['queue_timeout', 429, 'ModelNotReadyException'],
    ['queue_full', 429, 'ThrottlingException'],
    ['start_failed', 503, 'ServiceUnavailable'],
    ['draining', 503, 'ServiceUnavailable'],
    ['internal', 500, 'InternalFailure'],
    ['backend_reset', 424, 'ModelError'],
    ['body_too_large', 400, 'ValidationError'],
    ['invalid_api_key', 403, 'UnrecognizedClientException'],
  ] as const)('tells of %s as %i %s', async (code, httpStatusCode, name) => {
    const { client } = await set(() => {
      throw new PilotlightError(code, 'the reason');
    });
    const fault = await client
      .send(new InvokeEndpointCommand({ EndpointName: 'llama', Body: 'x' }))
      .catch((e: unknown) => e);
    expect(fault).toMatchObject({ name, message: 'the reason', $metadata: { httpStatusCode } });
    if (name === 'ModelNotReadyException') expect(fault).toBeInstanceOf(ModelNotReadyException);
  });

  it.each([
    [{ EndpointName: 'gpt-5' }, 'model \\"gpt-5\\" not found'],
    [{ TargetModel: 'a.tar.gz' }, 'x-amzn-sagemaker-target-model is not served'],
    [{ SessionId: 'NEW_SESSION' }, 'x-amzn-sagemaker-session-id is not served'],
    [{ InferenceComponentName: 'c' }, 'x-amzn-sagemaker-inference-component is not served'],
    [{ TargetVariant: 'blue' }, 'could not find variant \\"blue\\"'],
    [{ CustomAttributes: 'x'.repeat(1_025) }, 'may have 1024 characters'],
  ])('refuses %o as its ValidationError', async (fields, message) => {
    const { client } = await set(() => ({ body: '' }));
    const fault = await client
      .send(new InvokeEndpointCommand({ EndpointName: 'llama', Body: 'x', ...fields }))
      .catch((e: unknown) => e);
    expect(fault).toBeInstanceOf(ValidationError);
    expect(JSON.stringify((fault as Error).message)).toContain(message);
  });

  it('is bounded as a serverless endpoint is where its limits are asked for', async () => {
    const { client, desk } = await set(() => ({ body: '' }), { limits: 'original' });
    await client.send(new InvokeEndpointCommand({ EndpointName: 'llama', Body: 'x' }));
    expect(desk.asked[0]!.ask).toMatchObject({ runMs: 60_000 });
    expect(sagemaker.routes({ limits: 'original', isBesideOpenai: true })[0]!.maxBodyBytes).toBe(
      4 * 1024 * 1024,
    );
  });

  it('throttles what is beyond the concurrency of the model where the limits of the original are asked for', async () => {
    const busy = { maxConcurrency: 2, inFlight: 1, waiting: 1 };
    const own = await set(() => ({ body: '' }), busy);
    const invoke = new InvokeEndpointCommand({ EndpointName: 'llama', Body: 'x' });
    expect(await own.client.send(invoke)).toMatchObject({ $metadata: { httpStatusCode: 200 } });
    const original = await set(() => ({ body: '' }), { ...busy, limits: 'original' });
    await expect(original.client.send(invoke)).rejects.toMatchObject({ name: 'ThrottlingException' });
    expect(original.desk.asked).toEqual([]);
  });
});

describe('InvokeEndpointWithResponseStream', () => {
  const invoke = new InvokeEndpointWithResponseStreamCommand({
    EndpointName: 'llama',
    Body: '{"stream":true}',
    Accept: 'text/event-stream',
  });

  async function read(body: AsyncIterable<ResponseStream> | undefined): Promise<string[]> {
    const parts: string[] = [];
    for await (const { PayloadPart } of body!) parts.push(text(PayloadPart?.Bytes));
    return parts;
  }

  it('gives each piece of the answer as a part', async () => {
    const contentType = 'text/event-stream';
    const { client, desk } = await set(() => ({ body: pieces(['data: a\n\n', 'data: €\n\n']), contentType }));
    const answer = await client.send(invoke);
    expect(await read(answer.Body)).toEqual(['data: a\n\n', 'data: €\n\n']);
    expect(answer).toMatchObject({ ContentType: contentType, InvokedProductionVariant: 'AllTraffic' });
    expect(desk.asked[0]!.call).toMatchObject({ isStream: true, headers: { accept: contentType } });
  });

  it('gives an answer of no byte as no part', async () => {
    const { client } = await set(() => ({ body: pieces([]) }));
    expect(await read((await client.send(invoke)).Body)).toEqual([]);
  });

  it('rejects with a ModelError before the stream has begun', async () => {
    const { client } = await set(() => ({ status: 400, body: 'no prompt', contentType: 'text/plain' }));
    await expect(client.send(invoke)).rejects.toMatchObject({
      name: 'ModelError',
      OriginalStatusCode: 400,
      OriginalMessage: 'no prompt',
    });
  });

  it.each([
    ['backend_reset', ModelStreamError, 'StreamBroken'],
    ['backend_timeout', ModelStreamError, 'ModelInvocationTimeExceeded'],
    ['internal', InternalStreamFailure, undefined],
  ] as const)('ends with an exception of %s after the parts that came', async (code, type, errorCode) => {
    const { client } = await set(() => ({ body: pieces(['a'], code) }));
    const { Body } = await client.send(invoke);
    const iterator = Body![Symbol.asyncIterator]();
    expect((await iterator.next()).value).toMatchObject({ PayloadPart: {} });
    const fault = await iterator.next().then(
      () => 'no exception',
      (e: unknown) => e,
    );
    expect(fault).toBeInstanceOf(type);
    expect(fault).toMatchObject({
      message: `played: ${code}`,
      ...(errorCode === undefined ? {} : { ErrorCode: errorCode }),
    });
  });
});

describe('InvokeEndpointAsync', () => {
  it('makes a job of an inline body, whose answer lies at OutputLocation once it is there', async () => {
    const { client, desk } = await set(() => ({ body: '' }));
    const accepted = await client.send(
      new InvokeEndpointAsyncCommand({
        EndpointName: 'llama',
        Body: Buffer.from('{"a":1}'),
        ContentType: 'application/json',
        Accept: 'text/csv',
        InferenceId: 'mine',
        RequestTTLSeconds: 60,
        InvocationTimeoutSeconds: 5,
      }),
    );
    expect(accepted).toMatchObject({ InferenceId: 'mine', $metadata: { httpStatusCode: 202 } });
    const order = desk.orders[0]!;
    expect(order).toMatchObject({
      surface: 'sagemaker',
      model: 'llama',
      limits: { beginInMs: 60_000, runMs: 5_000 },
      invocation: { path: null, contentType: 'application/json', headers: { accept: 'text/csv' } },
    });
    expect(order.invocation.content).toEqual({ body: Buffer.from('{"a":1}') });
    expect((await fetch(accepted.OutputLocation!)).status).toBe(404);
    desk.end(order.id!, { state: 'succeeded', answer: { body: 'x,y', contentType: 'text/csv' } });
    const output = await fetch(accepted.OutputLocation!);
    expect([output.status, output.headers.get('content-type'), await output.text()]).toEqual([
      200,
      'text/csv',
      'x,y',
    ]);
    expect((await fetch(accepted.FailureLocation!)).status).toBe(404);
  });

  it('tells at FailureLocation what the container said, or why it was not asked', async () => {
    const { client, desk } = await set(() => ({ body: '' }));
    const invoke = new InvokeEndpointAsyncCommand({ EndpointName: 'llama', Body: Buffer.from('a') });
    const [failed, expired] = [await client.send(invoke), await client.send(invoke)];
    const error = { code: 'backend_error', message: 'the backend answered 500', status: 500 };
    desk.end(desk.orders[0]!.id!, {
      state: 'failed',
      error,
      answer: { status: 500, body: '{"error":"boom"}' },
    });
    desk.end(desk.orders[1]!.id!, {
      state: 'expired',
      error: { code: 'job_expired', message: 'too late', status: null },
    });
    expect(await (await fetch(failed.FailureLocation!)).json()).toEqual({ error: 'boom' });
    expect(await (await fetch(expired.FailureLocation!)).text()).toBe('too late');
    expect((await fetch(failed.OutputLocation!)).status).toBe(404);
  });

  it('is one job however often the SDK tries, and another for another call', async () => {
    const { client, desk } = await set(() => ({ body: '' }));
    const ids = new Set<string>();
    for (let call = 0; call < 2; call += 1) {
      const { OutputLocation } = await client.send(
        new InvokeEndpointAsyncCommand({ EndpointName: 'llama', Body: Buffer.from('a') }),
      );
      ids.add(OutputLocation!);
    }
    expect(ids.size).toBe(2);
    expect(
      desk.orders.map(({ idempotencyKey }) => idempotencyKey).every((key) => /^[0-9a-f-]{36}$/.test(key!)),
    ).toBe(true);
    const [{ idempotencyKey }] = desk.orders as [(typeof desk.orders)[0]];
    const { url } = await set(() => ({ body: '' }));
    const tries = [1, 2].map(async () => {
      const headers = { 'amz-sdk-invocation-id': idempotencyKey! };
      const answer = await fetch(`${url}/endpoints/llama/async-invocations`, {
        method: 'POST',
        headers,
        body: 'a',
      });
      return answer.headers.get('x-amzn-sagemaker-outputlocation');
    });
    const [first, second] = await Promise.all(tries);
    expect(first).toBe(second);
  });

  it.each([
    [{ InputLocation: 's3://bucket/key' }, 'InputLocation is not served'],
    [{ InputLocation: 'https://example.com/a', Body: Buffer.from('a') }, 'InputLocation is not served'],
    [{ Body: Buffer.from('a'), Filename: 'b' }, 'x-amzn-sagemaker-filename is not served'],
    [{}, 'the body is empty'],
    [{ Body: Buffer.from('a'), RequestTTLSeconds: 0 }, 'must be at least 1 (s)'],
  ])('refuses %o as its ValidationError', async (fields, message) => {
    const { client, desk } = await set(() => ({ body: '' }));
    const fault = await client
      .send(new InvokeEndpointAsyncCommand({ EndpointName: 'llama', ...fields }))
      .catch((e: unknown) => e);
    expect(fault).toBeInstanceOf(ValidationError);
    expect((fault as Error).message).toContain(message);
    expect(desk.orders).toEqual([]);
  });

  it("has the platform's defaults and bounds where they are asked for", async () => {
    const { client, desk } = await set(() => ({ body: '' }), { limits: 'original' });
    const invoke = { EndpointName: 'llama', Body: Buffer.from('a') };
    await client.send(new InvokeEndpointAsyncCommand(invoke));
    expect(desk.orders[0]!.limits).toEqual({ beginInMs: 21_600_000, runMs: 900_000 });
    const late = new InvokeEndpointAsyncCommand({ ...invoke, InvocationTimeoutSeconds: 3_601 });
    await expect(client.send(late)).rejects.toThrow('must be from 1 to 3600 (s)');
    const large = new InvokeEndpointAsyncCommand({ ...invoke, Body: Buffer.alloc(128_001) });
    await expect(client.send(large)).rejects.toMatchObject({ name: 'ValidationError' });
  });
});
