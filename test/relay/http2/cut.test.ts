import { once } from 'node:events';
import { constants, type ServerHttp2Stream } from 'node:http2';
import { afterEach, describe, expect, it } from 'vitest';
import { ask, got, Rig, type Told, to } from './rig.ts';

const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = constants;

let rig = new Rig();
afterEach(async () => {
  const { told } = rig;
  await rig.close();
  rig = new Rig();
  for (const { late, ends } of told) expect({ late, ends: ends.length }).toEqual({ late: 0, ends: 1 });
});

/** A backend that keeps each stream, and the lane before it. */
async function held(begin: (stream: ServerHttp2Stream) => void = () => undefined) {
  const streams: ServerHttp2Stream[] = [];
  const backend = await rig.backend((stream) => {
    streams.push(stream);
    stream.on('data', () => undefined);
    begin(stream);
  });
  await rig.open(backend.port);
  return { streams, backend };
}

/** Without trailers to wait for Node ends a stream before it resets it: nothing would be broken off. */
const begun = { waitForTrailers: true };

const events = (stream: ServerHttp2Stream) => {
  stream.respond({ ':status': 200, 'content-type': 'text/event-stream' }, begun);
  stream.write('data: one\n\n');
};

describe('a request that is answered here', () => {
  const refusal = (told: Told) =>
    told.request.answer({
      status: 503,
      fields: ['content-type', 'text/plain', 'connection', 'close'],
      body: 'full',
    });

  it('has its answer whole, and is told to stop what it uploads', async () => {
    await rig.open(0, { take: refusal });
    const stream = rig.client().request({ ':method': 'POST', ':path': '/' });
    const answer = got(stream);
    stream.write(Buffer.alloc(5_000_000));
    const { fields, body, code } = await answer;
    expect(fields).toMatchObject({ ':status': 503, 'content-type': 'text/plain', 'content-length': '4' });
    expect(fields).not.toHaveProperty('connection');
    expect({ body, code }).toEqual({ body: 'full', code: NGHTTP2_NO_ERROR });
    expect(rig.told[0]!.ends).toEqual(['own']);
  });

  it('of HEAD has the length alone, and 204 neither', async () => {
    await rig.open(0, {
      take: (told) => {
        if (told.request.head.method === 'HEAD') refusal(told);
        else told.request.answer({ status: 204, fields: [], body: '' });
      },
    });
    const session = rig.client();
    const head = await ask(session, { ':method': 'HEAD' });
    expect(head).toMatchObject({ body: '', fields: { ':status': 503, 'content-length': '4' } });
    expect((await ask(session)).fields).not.toHaveProperty('content-length');
  });

  it('with trailers has them behind its body', async () => {
    const fields = ['content-type', 'application/grpc'];
    const trailers = ['grpc-status', '12', 'grpc-message', 'no'];
    await rig.open(0, {
      take: (told) => told.request.answer({ status: 200, fields, body: 'msg', trailers }),
    });
    const answer = await ask(rig.client());
    expect(answer).toMatchObject({ body: 'msg', trailers: { 'grpc-status': '12', 'grpc-message': 'no' } });
    expect(answer.fields).not.toHaveProperty('content-length');
  });

  it('by a status of gRPC is one frame', async () => {
    const fields = ['content-type', 'application/grpc', 'grpc-status', '14', 'grpc-message', 'full'];
    await rig.open(0, { take: (told) => told.request.answer({ status: 200, fields, body: '' }) });
    const stream = rig.client().request({ ':method': 'POST', ':path': '/' }, { endStream: true });
    const [headers, flags] = await once(stream, 'response');
    expect(headers).toMatchObject({ ':status': 200, 'grpc-status': '14' });
    expect(flags & constants.NGHTTP2_FLAG_END_STREAM).toBe(constants.NGHTTP2_FLAG_END_STREAM);
  });
});

describe('a cut', () => {
  const answer = { status: 504, fields: ['content-type', 'text/plain'], body: 'request timeout' };

  it('before anything was sent is the answer, and the backend is told CANCEL', async () => {
    const { streams } = await held();
    const asked = ask(rig.client());
    await expect.poll(() => streams.length).toBe(1);
    rig.told[0]!.request.cut(answer, null);
    expect(await asked).toMatchObject({ body: 'request timeout', fields: { ':status': 504 } });
    await expect.poll(() => streams[0]!.rstCode).toBe(NGHTTP2_CANCEL);
    expect(rig.told[0]!.ends).toEqual(['cut']);
  });

  it('within a body is a reset', async () => {
    await held((stream) => {
      stream.respond({ ':status': 200, 'content-type': 'text/plain' });
      stream.write('part');
    });
    const asked = ask(rig.client());
    await expect.poll(() => rig.told[0]?.bytes).toBe(4);
    rig.told[0]!.request.cut(answer, 'event: error\n\n');
    const { body, code } = await asked;
    expect(code).toBe(NGHTTP2_INTERNAL_ERROR);
    expect(body).not.toContain('event');
  });

  it('of a stream of events writes the event between two of them, then resets', async () => {
    await held(events);
    const asked = ask(rig.client());
    await expect.poll(() => rig.told[0]?.bytes).toBe(11);
    rig.told[0]!.request.cut(answer, 'event: error\n\n');
    expect(await asked).toMatchObject({
      body: 'data: one\n\nevent: error\n\n',
      code: NGHTTP2_INTERNAL_ERROR,
    });
  });

  it('of a stream of events to a client that does not read is a reset all the same', async () => {
    await held((stream) => {
      stream.respond({ ':status': 200, 'content-type': 'text/event-stream' });
      stream.write(`data: ${'a'.repeat(3_000_000)}\n\n`);
    });
    const stream = rig.client().request({ ':path': '/' });
    stream.on('error', () => undefined);
    await once(stream, 'response');
    await expect.poll(() => rig.told[0]!.bytes).toBeGreaterThan(60_000);
    rig.told[0]!.request.cut(answer, 'event: error\n\n');
    await expect.poll(() => stream.rstCode).toBe(NGHTTP2_INTERNAL_ERROR);
  });

  it('of an RPC that has begun is its status as trailers', async () => {
    await held((stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc+proto' });
      stream.write('message');
    });
    const asked = ask(rig.client());
    await expect.poll(() => rig.told[0]?.bytes).toBe(7);
    const fields = ['content-type', 'application/grpc', 'grpc-status', '4', 'grpc-message', 'timeout'];
    rig.told[0]!.request.cut({ status: 200, fields, body: '' }, null);
    const { body, code, trailers } = await asked;
    expect({ body, code }).toEqual({ body: 'message', code: NGHTTP2_NO_ERROR });
    expect(trailers).toMatchObject({ 'grpc-status': '4', 'grpc-message': 'timeout' });
    expect(trailers).not.toHaveProperty('content-type');
  });

  it('from within the head of the backend is the answer', async () => {
    const backend = await rig.backend((stream) => stream.respond({ ':status': 503 }, { endStream: true }));
    await rig.open(backend.port, {
      take: (told) => {
        told.onHeadCalled = () => told.request.cut(answer, null);
        told.request.forward(to(told, backend.port));
      },
    });
    expect((await ask(rig.client())).body).toBe('request timeout');
    expect(rig.told[0]!.ends).toEqual(['cut']);
  });
});

describe('a stream of events that was begun for who waits', () => {
  const wait = (told: Told) => told.request.comment(': waiting\n\n');

  it('goes on with the events of the backend', async () => {
    const backend = await rig.backend((stream) => {
      events(stream);
      stream.end();
    });
    await rig.open(backend.port, {
      take: (told) => {
        wait(told);
        expect(told.request.hasHead).toBe(true);
        wait(told);
        told.request.forward(to(told, backend.port));
      },
    });
    const answer = await ask(rig.client());
    expect(answer.fields).toMatchObject({ ':status': 200, 'content-type': 'text/event-stream' });
    expect(answer).toMatchObject({ body: ': waiting\n\n: waiting\n\ndata: one\n\n', code: NGHTTP2_NO_ERROR });
  });

  it('is broken off by an answer of another kind, with the event for it', async () => {
    const backend = await rig.backend((stream) => {
      stream.respond({ ':status': 500 });
      stream.end('no');
    });
    await rig.open(backend.port, {
      take: (told) => {
        told.event = 'event: error\n\n';
        wait(told);
        told.request.forward(to(told, backend.port));
      },
    });
    const answer = await ask(rig.client());
    expect(answer).toMatchObject({ body: ': waiting\n\nevent: error\n\n', code: NGHTTP2_INTERNAL_ERROR });
    expect(rig.told[0]!.ends).toEqual(['reset']);
  });

  it('is cut by its event', async () => {
    await rig.open(0, {
      take: (told) => {
        wait(told);
        told.request.cut({ status: 503, fields: [], body: '' }, 'event: error\n\n');
      },
    });
    expect(await ask(rig.client())).toMatchObject({
      body: ': waiting\n\nevent: error\n\n',
      code: NGHTTP2_INTERNAL_ERROR,
    });
  });
});
