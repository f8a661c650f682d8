import {
  type ChannelOptions,
  Client,
  compressionAlgorithms,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceError,
  type StatusObject,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { Rig, type Told, to } from './rig.ts';

const mebibyte = 1024 * 1024;
const asBytes = (bytes: Buffer) => bytes;
const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/test.Echo/${name}`,
  requestStream,
  responseStream,
  requestSerialize: asBytes,
  requestDeserialize: asBytes,
  responseSerialize: asBytes,
  responseDeserialize: asBytes,
});

const service = {
  unary: method('Unary', false, false),
  collect: method('Collect', true, false),
  repeat: method('Repeat', false, true),
  chat: method('Chat', true, true),
};

/** What the server saw of calls that did not end as they should. */
let cancelled: string[] = [];
/** Unary calls that reached the server. */
let begun: string[] = [];
let rig = new Rig();
afterEach(async () => {
  await rig.close();
  rig = new Rig();
  cancelled = [];
  begun = [];
});

const implementation = {
  unary(call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>): void {
    const { request } = call;
    const text = request.subarray(0, 16).toString();
    call.on('cancelled', () => cancelled.push('unary'));
    begun.push(text);
    if (text === 'hang') return;
    if (text === 'fail') {
      const metadata = new Metadata();
      metadata.set('x-detail-bin', Buffer.from([0, 1, 255]));
      callback({ code: status.FAILED_PRECONDITION, details: 'no: ü', metadata });
      return;
    }
    const trailer = new Metadata();
    trailer.set('x-seen', String(call.metadata.get('x-sent')[0] ?? ''));
    const initial = new Metadata();
    initial.set('x-initial', 'yes');
    call.sendMetadata(initial);
    callback(null, request, trailer);
  },
  collect(call: ServerReadableStream<Buffer, Buffer>, callback: sendUnaryData<Buffer>): void {
    const pieces: Buffer[] = [];
    call.on('data', (piece: Buffer) => pieces.push(piece));
    call.on('end', () => callback(null, Buffer.concat(pieces)));
  },
  repeat(call: ServerWritableStream<Buffer, Buffer>): void {
    call.on('cancelled', () => cancelled.push('repeat'));
    const [text, times] = call.request.toString().split(':');
    for (let i = 0; i < Number(times); i++) call.write(Buffer.from(text!));
    if (text !== 'open') call.end();
  },
  chat(call: ServerDuplexStream<Buffer, Buffer>): void {
    call.on('cancelled', () => cancelled.push('chat'));
    call.on('data', (piece: Buffer) => call.write(piece));
    call.on('end', () => call.end());
  },
};

async function start(take?: (told: Told, port: number) => void, options: ChannelOptions = {}) {
  const limits = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 };
  const server = new Server(limits);
  server.addService(service, implementation);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  rig.onClose(() => server.forceShutdown());
  await rig.open(port, take === undefined ? {} : { take: (told) => take(told, port) });
  const address = `127.0.0.1:${rig.listener.port}`;
  const client = new Client(address, credentials.createInsecure(), { ...limits, ...options });
  rig.onClose(() => client.close());
  return client;
}

interface Called {
  readonly error: ServiceError | null;
  readonly value: Buffer | undefined;
  readonly initial: Metadata | null;
  readonly status: StatusObject | null;
}

function unary(client: Client, body: Buffer | string, { metadata = new Metadata(), deadlineMs = 0 } = {}) {
  const options = deadlineMs > 0 ? { deadline: Date.now() + deadlineMs } : {};
  let call!: ReturnType<Client['makeUnaryRequest']>;
  const done = new Promise<Called>((resolve) => {
    let initial: Metadata | null = null;
    let ended: StatusObject | null = null;
    let result: Pick<Called, 'error' | 'value'> | null = null;
    const settle = () => {
      if (ended !== null && result !== null) resolve({ ...result, initial, status: ended });
    };
    call = client.makeUnaryRequest(
      service.unary.path,
      asBytes,
      asBytes,
      Buffer.from(body as string),
      metadata,
      options,
      (error, value) => {
        result = { error, value };
        settle();
      },
    );
    call.on('metadata', (fields) => {
      initial = fields;
    });
    call.on('status', (object) => {
      ended = object;
      settle();
    });
  });
  return { call, done };
}

const refusal = {
  status: 200,
  fields: ['content-type', 'application/grpc', 'grpc-status', '8', 'grpc-message', 'queue full'],
  body: '',
};

describe('a unary call', () => {
  it('has its message, its metadata both ways and its trailers', async () => {
    const client = await start();
    const metadata = new Metadata();
    metadata.set('x-sent', 'value');
    const { value, initial, status: end } = await unary(client, 'hello', { metadata }).done;
    expect(value!.toString()).toBe('hello');
    expect(initial!.get('x-initial')).toEqual(['yes']);
    expect(end!.code).toBe(status.OK);
    expect(end!.metadata.get('x-seen')).toEqual(['value']);
    expect(rig.told[0]).toMatchObject({ ends: ['answered'], status: 200 });
  });

  it('that fails has its status, its message and what came with it', async () => {
    const client = await start();
    const { error } = await unary(client, 'fail').done;
    expect(error).toMatchObject({ code: status.FAILED_PRECONDITION, details: 'no: ü' });
    expect(error!.metadata.get('x-detail-bin')).toEqual([Buffer.from([0, 1, 255])]);
    expect(rig.told[0]!.ends).toEqual(['answered']);
  });

  it('of 50 MiB comes back whole', async () => {
    const client = await start();
    const message = Buffer.alloc(50 * mebibyte, 'abcdefg');
    const { value } = await unary(client, message).done;
    expect(value!.equals(message)).toBe(true);
    expect(rig.told[0]!.bytes).toBeGreaterThan(message.length);
  });

  it('past its deadline is cancelled at the backend', async () => {
    const client = await start();
    // So that the deadline is spent at the backend, not on the way to it.
    await unary(client, 'hello').done;
    // grpc-js calls every end so.
    await expect.poll(() => cancelled).toEqual(['unary']);
    const { error } = await unary(client, 'hang', { deadlineMs: 1_000 }).done;
    expect(error!.code).toBe(status.DEADLINE_EXCEEDED);
    await expect.poll(() => cancelled).toEqual(['unary', 'unary']);
    await expect.poll(() => rig.told[1]!.ends).toEqual(['gone']);
    expect(rig.told[1]!.request.head.fields).toContain('grpc-timeout');
  });

  it('that its client cancels is cancelled at the backend', async () => {
    const client = await start();
    const { call, done } = unary(client, 'hang');
    await expect.poll(() => begun).toEqual(['hang']);
    call.cancel();
    expect((await done).error!.code).toBe(status.CANCELLED);
    await expect.poll(() => cancelled).toEqual(['unary']);
  });

  it('that is compressed says so, and te: trailers arrives', async () => {
    const client = await start(undefined, {
      'grpc.default_compression_algorithm': compressionAlgorithms.gzip,
    });
    expect((await unary(client, 'z'.repeat(10_000)).done).value!.length).toBe(10_000);
    const { fields } = rig.told[0]!.request.head;
    expect(fields.join('|')).toContain('grpc-encoding|gzip');
    expect(fields.join('|')).toContain('te|trailers');
    expect(rig.told[0]!.uploaded).toBeLessThan(1_000);
  });

  it('that is refused has the status of the refusal', async () => {
    const client = await start((told) => told.request.answer(refusal));
    expect((await unary(client, 'hello').done).error).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details: 'queue full',
    });
  });

  it('that is cut before its answer has the status of the cut', async () => {
    const client = await start((told, port) => {
      told.request.forward(to(told, port));
    });
    const { done } = unary(client, 'hang');
    await expect.poll(() => begun).toEqual(['hang']);
    rig.told[0]!.request.cut(refusal, null);
    expect((await done).error).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    await expect.poll(() => cancelled).toEqual(['unary']);
  });

  it('goes beside a hundred others on one connection', async () => {
    const client = await start();
    const all = await Promise.all(Array.from({ length: 100 }, (_, i) => unary(client, `m${i}`).done));
    expect(all.map(({ value }) => value!.toString())).toEqual(Array.from({ length: 100 }, (_, i) => `m${i}`));
  });
});

describe('streams', () => {
  it('of the client are collected', async () => {
    const client = await start();
    const value = await new Promise<Buffer>((resolve, reject) => {
      const { path } = service.collect;
      const call = client.makeClientStreamRequest<Buffer, Buffer>(path, asBytes, asBytes, (error, answer) =>
        error === null ? resolve(answer!) : reject(error),
      );
      for (const piece of ['a', 'b', 'c']) call.write(Buffer.from(piece));
      call.end();
    });
    expect(value.toString()).toBe('abc');
  });

  it('of the server come piece by piece', async () => {
    const client = await start();
    const call = client.makeServerStreamRequest<Buffer, Buffer>(
      service.repeat.path,
      asBytes,
      asBytes,
      Buffer.from('x:1000'),
    );
    let pieces = 0;
    for await (const piece of call) {
      expect(String(piece)).toBe('x');
      pieces++;
    }
    expect(pieces).toBe(1_000);
  });

  it('of both go to and fro, and end from either side', async () => {
    const client = await start();
    const call = client.makeBidiStreamRequest<Buffer, Buffer>(service.chat.path, asBytes, asBytes);
    const seen: string[] = [];
    for (const word of ['one', 'two', 'three']) {
      call.write(Buffer.from(word));
      seen.push(String(await new Promise<Buffer>((resolve) => call.once('data', resolve))));
    }
    const ended = new Promise<StatusObject>((resolve) => call.on('status', resolve));
    call.resume();
    call.end();
    expect((await ended).code).toBe(status.OK);
    expect(seen).toEqual(['one', 'two', 'three']);
    expect(rig.told[0]!.ends).toEqual(['answered']);
  });

  it('that a client cancels are cancelled at the backend', async () => {
    const client = await start();
    const call = client.makeBidiStreamRequest<Buffer, Buffer>(service.chat.path, asBytes, asBytes);
    call.on('error', () => undefined);
    call.write(Buffer.from('one'));
    await new Promise((resolve) => call.once('data', resolve));
    call.cancel();
    await expect.poll(() => cancelled).toEqual(['chat']);
    await expect.poll(() => rig.told[0]!.ends).toEqual(['gone']);
  });

  it('that are cut end with the status of the cut', async () => {
    const client = await start();
    const request = Buffer.from('open:3');
    const { path } = service.repeat;
    const call = client.makeServerStreamRequest<Buffer, Buffer>(path, asBytes, asBytes, request);
    call.on('error', () => undefined);
    call.resume();
    const ended = new Promise<StatusObject>((resolve) => call.on('status', resolve));
    await expect.poll(() => rig.told[0]?.bytes).toBe(27);
    rig.told[0]!.request.cut(refusal, null);
    expect(await ended).toMatchObject({ code: status.RESOURCE_EXHAUSTED, details: 'queue full' });
    await expect.poll(() => cancelled).toEqual(['repeat']);
  });
});

describe('a backend of gRPC that is not there', () => {
  it('is what the crossing says', async () => {
    const port = await rig.tcp((socket) => socket.end());
    const client = await start((told) => {
      const fields = ['content-type', 'application/grpc', 'grpc-status', '14', 'grpc-message', 'unreachable'];
      told.answer = { status: 200, fields, body: '' };
      told.request.forward(to(told, port));
    });
    expect((await unary(client, 'hello').done).error).toMatchObject({
      code: status.UNAVAILABLE,
      details: 'unreachable',
    });
    expect(rig.told[0]!.ends).toEqual(['unreachable']);
  });
});
