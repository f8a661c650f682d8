import {
  type ClientDuplexStream,
  type ClientWritableStream,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { type EchoClient, echoClient, GrpcApp, type Text } from './support/grpc-app.ts';
import { useSidecarRig } from './support/sidecar-rig.ts';

const rig = useSidecarRig();

async function start(options: Parameters<typeof rig.start>[1] = {}) {
  const app = await GrpcApp.start();
  rig.onClose(() => app.close());
  const sidecar = await rig.start(app.port, options);
  const client = echoClient(`127.0.0.1:${sidecar.ports.serving}`);
  rig.onClose(() => client.close());
  return { app, client };
}

/** What came of a call. */
interface Outcome {
  readonly messages: string[];
  readonly head: Metadata | null;
  readonly status: { readonly code: number; readonly details: string; readonly metadata: Metadata };
}

/** What comes of a unary call. */
function unary(
  client: EchoClient,
  text: string,
  metadata = new Metadata(),
  deadlineMs = 20_000,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const messages: string[] = [];
    let head: Metadata | null = null;
    const deadline = new Date(Date.now() + deadlineMs);
    const call = client.Unary!({ text }, metadata, { deadline }, (_: ServiceError | null, answer?: Text) => {
      if (answer !== undefined) messages.push(answer.text);
    });
    call.on('metadata', (came: Metadata) => {
      head = came;
    });
    call.on('status', (status: Outcome['status']) => resolve({ messages, head, status }));
  });
}

/** What comes of a stream of answers. */
function outcomeOf(call: ClientDuplexStream<Text, Text>): Promise<Outcome> {
  return new Promise((resolve) => {
    const messages: string[] = [];
    call.on('data', ({ text }: Text) => messages.push(text));
    call.on('error', () => undefined);
    call.on('status', (status: Outcome['status']) => resolve({ messages, head: null, status }));
  });
}

describe('gRPC', () => {
  it('unary: message, head and trailers', async () => {
    const { app, client } = await start();
    const metadata = new Metadata();
    metadata.set('x-mine', 'yes');
    metadata.set('x-raw-bin', Buffer.from([0, 255, 7]));
    const { messages, head, status } = await unary(client, 'hello', metadata);
    expect(messages).toEqual(['hello']);
    expect(status).toMatchObject({ code: 0, details: 'OK' });
    expect(head!.get('x-head')).toEqual(['yes']);
    expect(status.metadata.get('x-seen')).toEqual(['1']);
    expect(app.seen[0]!.get('x-mine')).toEqual(['yes']);
    expect(app.seen[0]!.get('x-raw-bin')).toEqual([Buffer.from([0, 255, 7])]);
  });

  it('an error of the app arrives with its code, words and trailers', async () => {
    const { client } = await start();
    const { messages, status } = await unary(client, 'fail');
    expect(messages).toEqual([]);
    expect(status).toMatchObject({ code: 9, details: 'not so: 100 % ä' });
    expect(status.metadata.get('x-seen')).toEqual(['1']);
  });

  it('a stream of requests', async () => {
    const { client } = await start();
    const answer = await new Promise<Text>((resolve, reject) => {
      const call: ClientWritableStream<Text> = client.Up!((error: ServiceError | null, came?: Text) =>
        error === null ? resolve(came!) : reject(error),
      );
      for (let count = 0; count < 500; count++) call.write({ text: String(count) });
      call.end();
    });
    expect(answer.text).toBe('500');
  });

  it('a stream of answers', async () => {
    const { client } = await start();
    const { messages, status } = await outcomeOf(client.Down!({ text: '500' }));
    expect(messages).toEqual(Array.from({ length: 500 }, (_, index) => String(index)));
    expect(status.metadata.get('x-seen')).toEqual(['500']);
  });

  it('both at once: each message is answered before the next is sent', async () => {
    const { client } = await start();
    const call: ClientDuplexStream<Text, Text> = client.Both!();
    const outcome = outcomeOf(call);
    for (let count = 0; count < 50; count++) {
      const came = new Promise<Text>((resolve) => call.once('data', resolve));
      call.write({ text: String(count) });
      expect((await came).text).toBe(String(count));
    }
    call.end();
    const { status } = await outcome;
    expect(status).toMatchObject({ code: 0 });
    expect(status.metadata.get('x-seen')).toEqual(['50']);
  });

  it('many calls at once on one connection', async () => {
    const { client } = await start({ concurrency: 10 });
    const outcomes = await Promise.all(Array.from({ length: 100 }, (_, index) => unary(client, `n${index}`)));
    expect(outcomes.map(({ messages }) => messages[0])).toEqual(outcomes.map((_, index) => `n${index}`));
  });

  it('messages of a megabyte pass whole in both directions', async () => {
    const { client } = await start();
    const padding = Buffer.alloc(1 << 20, 'pilot');
    const call: ClientDuplexStream<Text, Text> = client.Both!();
    let bytes = 0;
    call.on('data', (message: Text) => {
      expect(message.padding!.equals(padding)).toBe(true);
      bytes += message.padding!.length;
    });
    const done = new Promise<number>((resolve) =>
      call.on('status', ({ code }: { code: number }) => resolve(code)),
    );
    for (let count = 0; count < 8; count++) call.write({ text: '', padding });
    call.end();
    expect(await done).toBe(0);
    expect(bytes).toBe(8 << 20);
  });

  it('a call that is given up is given up at the app', async () => {
    const { app, client } = await start();
    const call = client.Unary!({ text: 'hold' }, () => undefined);
    await expect.poll(() => app.seen.length).toBe(1);
    call.cancel();
    await expect.poll(app.cancelled).toBe(1);
  });

  it('an overflowing queue is UNAVAILABLE to the client', async () => {
    const { app, client } = await start({ concurrency: 1 });
    for (let count = 0; count < 11; count++) client.Unary!({ text: 'hold' }, () => undefined);
    await expect.poll(() => app.seen.length).toBe(1);
    // Those that wait are there when the twelfth comes: they are on one connection.
    const { status } = await unary(client, 'one more');
    expect(status.code).toBe(14);
  });
});
