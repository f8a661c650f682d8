import { createHash } from 'node:crypto';
import {
  InvokeEndpointAsyncCommand,
  InvokeEndpointCommand,
  InvokeEndpointWithResponseStreamCommand,
  SageMakerRuntimeClient,
} from '@aws-sdk/client-sagemaker-runtime';
import { afterEach, describe, expect, it } from 'vitest';
import type { Answer } from '../support/backend.ts';
import { settingsOf, startGateway } from '../support/gateway.ts';
import { World } from '../support/world.ts';
import { coldChat } from './demo-models.ts';

const world = new World();
afterEach(() => world.close());

/** A container as SageMaker has them. */
const container: Answer = (res, req, body) => {
  if (req.url === '/ping') return void res.writeHead(200).end();
  if (body === 'fail') return void res.writeHead(500, { 'content-type': 'text/plain' }).end('out of memory');
  if (body === 'stream') {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    return void res.write('data: 1\n\n', () => setTimeout(() => res.destroy(), 50));
  }
  const attributes = req.headers['x-amzn-sagemaker-custom-attributes'] ?? '';
  res.writeHead(200, {
    'content-type': 'text/csv',
    'x-amzn-sagemaker-custom-attributes': `${attributes}, seen`,
  });
  res.end(`${req.method} ${req.url} ${req.headers['content-type']} ${body.length}`);
};

async function runtime({ auth = '', accessKeyId = 'any' } = {}) {
  const { url } = await world.backend(container);
  const models = `${coldChat}
  resnet:
    contract: sagemaker
    backend: { driver: static, urls: ["${url}"] }
`;
  const settings = settingsOf(models, `store: memory\nsurfaces: { sagemaker: { prefix: /aws } }\n${auth}`);
  const gateway = await startGateway({ ...settings, server: { ...settings.server, drainMs: 200 } });
  world.onClose(() => gateway.close());
  const client = new SageMakerRuntimeClient({
    endpoint: `${gateway.url}/aws`,
    region: 'eu-west-1',
    credentials: { accessKeyId, secretAccessKey: 'secret' },
    maxAttempts: 1,
  });
  world.onClose(() => client.destroy());
  return client;
}

const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString();
const chat = { messages: [{ role: 'user', content: 'Hello' }], max_tokens: 4 };

describe('the official SageMaker client', () => {
  it('invokes a cold model by its alias', async () => {
    const client = await runtime();
    const answer = await client.send(
      new InvokeEndpointCommand({ EndpointName: 'acme/chat', Body: JSON.stringify(chat) }),
    );
    expect(JSON.parse(text(answer.Body))).toMatchObject({
      model: 'chat',
      choices: [{ message: { role: 'assistant' } }],
    });
    expect(answer.ContentType).toBe('application/json');
  });

  it('invokes a container by its contract', async () => {
    const client = await runtime();
    const Body = Buffer.alloc(100_000);
    const invoke = { EndpointName: 'resnet', Body, ContentType: 'image/png', CustomAttributes: 'a' };
    const answer = await client.send(new InvokeEndpointCommand(invoke));
    expect(text(answer.Body)).toBe('POST /invocations image/png 100000');
    expect(answer).toMatchObject({ ContentType: 'text/csv', CustomAttributes: 'a, seen' });
    await expect(client.send(new InvokeEndpointCommand({ ...invoke, Body: 'fail' }))).rejects.toMatchObject({
      name: 'ModelError',
      OriginalStatusCode: 500,
      OriginalMessage: 'out of memory',
    });
  });

  it('reads a stream piece by piece, and is told where it breaks', async () => {
    const client = await runtime();
    const Body = JSON.stringify({ ...chat, stream: true });
    const whole = await client.send(
      new InvokeEndpointWithResponseStreamCommand({ EndpointName: 'chat', Body }),
    );
    let told = '';
    for await (const { PayloadPart } of whole.Body!) told += text(PayloadPart?.Bytes);
    expect(whole.ContentType).toContain('text/event-stream');
    expect(told.match(/^data: \{/gm)!.length).toBeGreaterThan(3);
    expect(told).toMatch(/data: \[DONE\]\n\n$/);
    const broken = await client.send(
      new InvokeEndpointWithResponseStreamCommand({ EndpointName: 'resnet', Body: 'stream' }),
    );
    const parts: string[] = [];
    const reading = (async () => {
      for await (const { PayloadPart } of broken.Body!) parts.push(text(PayloadPart?.Bytes));
    })();
    await expect(reading).rejects.toMatchObject({ name: 'ModelStreamError', ErrorCode: 'StreamBroken' });
    expect(parts).toEqual(['data: 1\n\n']);
  });

  it('invokes in the background, and finds the answer at OutputLocation', async () => {
    const client = await runtime();
    const invoke = {
      EndpointName: 'chat',
      Body: Buffer.from(JSON.stringify(chat)),
      ContentType: 'application/json',
    };
    const { OutputLocation, FailureLocation, InferenceId } = await client.send(
      new InvokeEndpointAsyncCommand(invoke),
    );
    expect(OutputLocation).toContain(`/aws/async-inferences/${InferenceId}/`);
    await expect.poll(async () => (await fetch(OutputLocation!)).status, { timeout: 10_000 }).toBe(200);
    const output = await fetch(OutputLocation!);
    expect(output.headers.get('content-type')).toBe('application/json');
    expect(await output.json()).toMatchObject({ model: 'chat', choices: [{ message: {} }] });
    expect((await fetch(FailureLocation!)).status).toBe(404);
  });

  it('finds what the container said at FailureLocation', async () => {
    const client = await runtime();
    const invoke = { EndpointName: 'resnet', Body: Buffer.from('fail'), ContentType: 'text/plain' };
    const { FailureLocation } = await client.send(new InvokeEndpointAsyncCommand(invoke));
    await expect.poll(async () => (await fetch(FailureLocation!)).status, { timeout: 20_000 }).toBe(200);
    expect(await (await fetch(FailureLocation!)).text()).toBe('out of memory');
  }, 30_000);

  it('is known by its access key id where there are keys', async () => {
    const sha256 = createHash('sha256').update('AKIAKNOWN').digest('hex');
    const auth = `auth: { keys: [{ name: app, sha256: ${sha256} }] }`;
    const invoke = new InvokeEndpointCommand({ EndpointName: 'resnet', Body: 'a' });
    expect(text((await (await runtime({ auth, accessKeyId: 'AKIAKNOWN' })).send(invoke)).Body)).toContain(
      'POST',
    );
    const stranger = await runtime({ auth, accessKeyId: 'AKIAOTHER' });
    await expect(stranger.send(invoke)).rejects.toMatchObject({ name: 'UnrecognizedClientException' });
  });
});
