import { once } from 'node:events';
import { constants, type ServerHttp2Stream } from 'node:http2';
import { afterEach, describe, expect, it } from 'vitest';
import type { LaneEnd } from '../../../src/relay/traffic.ts';
import { ask, got, Rig, to } from './rig.ts';

const {
  NGHTTP2_CANCEL,
  NGHTTP2_ENHANCE_YOUR_CALM,
  NGHTTP2_INTERNAL_ERROR,
  NGHTTP2_NO_ERROR,
  NGHTTP2_REFUSED_STREAM,
} = constants;

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

describe('a backend that cannot be had', () => {
  it('of which nobody listens is unreachable, and the client gets what the crossing answers', async () => {
    const port = await rig.tcp(() => undefined);
    await rig.close();
    await rig.open(port);
    const answer = await ask(rig.client(), { ':method': 'POST' }, 'body');
    expect(answer).toMatchObject({ body: 'broken', fields: { ':status': 502, 'content-length': '6' } });
    expect(rig.told[0]).toMatchObject({ ends: ['unreachable'], uploaded: 0, broken: { isSent: false } });
    expect(rig.told[0]!.broken!.cause).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('that speaks HTTP/1 is told so, and got no request', async () => {
    let seen = '';
    const port = await rig.tcp((socket) =>
      socket.on('data', (bytes) => {
        seen += bytes.toString('latin1');
        socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n');
      }),
    );
    await rig.open(port);
    await ask(rig.client(), { ':path': '/secret' }, 'body');
    expect(rig.told[0]).toMatchObject({ ends: ['unreachable'], uploaded: 0, broken: { isSent: false } });
    expect(rig.told[0]!.broken!.cause.message).toBe(`127.0.0.1:${port} does not speak HTTP/2`);
    expect(seen).toMatch(/^PRI \* HTTP\/2\.0/);
  });

  it('that closes at once is unreachable', async () => {
    const port = await rig.tcp((socket) => socket.end());
    await rig.open(port);
    await ask(rig.client());
    expect(rig.told[0]).toMatchObject({ ends: ['unreachable'], broken: { isSent: false } });
  });

  it('that says nothing is unreachable after the time to connect', async () => {
    const port = await rig.tcp(() => undefined);
    await rig.open(port, { connectMs: 50 });
    await ask(rig.client());
    const { broken, ends } = rig.told[0]!;
    expect(broken!.cause.message).toBe(`127.0.0.1:${port} did not answer as HTTP/2 within 50 ms`);
    expect(ends).toEqual(['unreachable']);
  });

  it('that allows no streams is unreachable', async () => {
    const backend = await rig.backend(() => undefined, { settings: { maxConcurrentStreams: 0 } });
    await rig.open(backend.port);
    await ask(rig.client());
    expect(rig.told[0]!.broken!.cause.message).toBe(`127.0.0.1:${backend.port} allows no streams`);
    expect(rig.told[0]!.ends).toEqual(['unreachable']);
  });

  it('is tried again by a crossing that takes the request back', async () => {
    const backend = await rig.backend((stream) => {
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    });
    const port = await rig.tcp((socket) => socket.end());
    await rig.open(port, {
      take: (told) => {
        Object.assign(told, {
          takesBack: () => {
            setImmediate(() => told.request.forward(to(told, backend.port)));
            return true;
          },
        });
        told.request.forward(to(told, port));
      },
    });
    const answer = await ask(rig.client(), { ':method': 'POST' }, 'body');
    expect(answer).toMatchObject({ body: 'body', fields: { ':status': 200 } });
    expect(rig.told[0]).toMatchObject({ ends: ['answered'], broken: null, uploaded: 4 });
  });
});

describe('a backend that resets a stream', () => {
  it('before its head has broken off, and the client gets an answer', async () => {
    await held((stream) => stream.close(NGHTTP2_INTERNAL_ERROR));
    const answer = await ask(rig.client());
    expect(answer).toMatchObject({ body: 'broken', fields: { ':status': 502 }, code: NGHTTP2_NO_ERROR });
    expect(rig.told[0]).toMatchObject({ ends: ['reset'], broken: { isSent: true } });
  });

  it('with REFUSED_STREAM has not begun with it', async () => {
    await held((stream) => stream.close(NGHTTP2_REFUSED_STREAM));
    expect((await ask(rig.client())).fields[':status']).toBe(502);
    expect(rig.told[0]).toMatchObject({ ends: ['unreachable'], broken: { isSent: false } });
  });

  it.each([NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR])(
    'after its head passes its code %i on',
    async (code) => {
      await held((stream) => {
        stream.respond({ ':status': 200 }, begun);
        stream.write('part', () => setImmediate(() => stream.close(code)));
      });
      const answer = await ask(rig.client());
      expect(answer).toMatchObject({ code, fields: { ':status': 200 } });
      expect(rig.told[0]!.ends).toEqual(['reset']);
    },
  );

  it('with NO_ERROR before the length that it promised has broken off as well', async () => {
    await held((stream) => {
      stream.respond({ ':status': 200, 'content-length': '100' }, begun);
      stream.write('part', () => setImmediate(() => stream.close(NGHTTP2_NO_ERROR)));
    });
    expect((await ask(rig.client())).code).toBe(NGHTTP2_INTERNAL_ERROR);
    expect(rig.told[0]!.ends).toEqual(['reset']);
  });

  it('in a stream of events gives it the error event at the end of an event, then the reset', async () => {
    const { streams } = await held(events);
    const stream = rig.client().request({ ':path': '/' });
    const answer = got(stream);
    await expect.poll(() => rig.told[0]?.bytes).toBe(11);
    rig.told[0]!.event = 'event: error\n\n';
    streams[0]!.close(NGHTTP2_INTERNAL_ERROR);
    expect(await answer).toMatchObject({
      body: 'data: one\n\nevent: error\n\n',
      code: NGHTTP2_INTERNAL_ERROR,
    });
  });

  it('in the middle of an event gives no event', async () => {
    const { streams } = await held((stream) => {
      events(stream);
      stream.write('data: tw');
    });
    const stream = rig.client().request({ ':path': '/' });
    const answer = got(stream);
    await expect.poll(() => rig.told[0]?.bytes).toBe(19);
    rig.told[0]!.event = 'event: error\n\n';
    streams[0]!.close(NGHTTP2_INTERNAL_ERROR);
    expect((await answer).body).not.toContain('error');
    expect(rig.told[0]!.broken).toBeNull();
  });
});

describe('a backend whose connection breaks', () => {
  it.each(['end', 'destroy', 'resetAndDestroy'] as const)(
    'within a body (%s) is a reset for the client, never an end',
    async (how) => {
      const { streams } = await held((stream) => {
        stream.respond({ ':status': 200 });
        stream.write('part');
      });
      const stream = rig.client().request({ ':path': '/' });
      const answer = got(stream);
      await expect.poll(() => rig.told[0]?.bytes).toBe(4);
      const socket = streams[0]!.session!.socket;
      // The socket of a session is a proxy that refuses what a session would do itself.
      Reflect.get(Object.getPrototypeOf(socket), how).call(rawSocket(streams[0]!));
      const { code } = await answer;
      expect(code).not.toBe(NGHTTP2_NO_ERROR);
      expect(rig.told[0]!.ends).toEqual(['reset']);
    },
  );

  it('before its head is an answer of the crossing, and the next request has a new connection', async () => {
    let calls = 0;
    await held((stream) => {
      if (calls++ === 0) rawSocket(stream).destroy();
      else stream.respond({ ':status': 204 }, { endStream: true });
    });
    const session = rig.client();
    expect((await ask(session)).fields[':status']).toBe(502);
    expect(rig.told[0]).toMatchObject({ ends: ['reset'], broken: { isSent: true } });
    expect((await ask(session)).fields[':status']).toBe(204);
  });
});

/** The socket below a session of Node. */
function rawSocket(stream: ServerHttp2Stream): { destroy(): void } {
  const session = stream.session as unknown as Record<symbol, { destroy(): void }>;
  const symbol = Object.getOwnPropertySymbols(session).find(({ description }) => description === 'socket');
  return session[symbol!]!;
}

describe('a backend that goes away', () => {
  it('ends what it began, has not begun with what came later, and is connected to anew', async () => {
    const { streams } = await held();
    const session = rig.client();
    const first = ask(session, { ':path': '/1' });
    await expect.poll(() => streams.length).toBe(1);
    const second = ask(session, { ':path': '/2' });
    await expect.poll(() => streams.length).toBe(2);
    streams[0]!.session!.goaway(NGHTTP2_NO_ERROR, streams[0]!.id);
    expect((await second).fields[':status']).toBe(502);
    expect(rig.told[1]).toMatchObject({ ends: ['unreachable'], broken: { isSent: false } });
    const third = ask(session, { ':path': '/3' });
    await expect.poll(() => streams.length).toBe(3);
    expect(streams[2]!.session).not.toBe(streams[0]!.session);
    for (const stream of [streams[0]!, streams[2]!]) stream.respond({ ':status': 200 }, { endStream: true });
    expect([(await first).fields[':status'], (await third).fields[':status']]).toEqual([200, 200]);
  });

  it('with an error has broken off what it may have begun with', async () => {
    const { streams } = await held();
    const session = rig.client();
    const first = ask(session, { ':path': '/1' });
    await expect.poll(() => streams.length).toBe(1);
    const second = ask(session, { ':path': '/2' });
    await expect.poll(() => streams.length).toBe(2);
    streams[0]!.session!.goaway(NGHTTP2_INTERNAL_ERROR, streams[0]!.id);
    await Promise.all([first, second]);
    expect(rig.told.map(({ ends, broken }) => [ends[0], broken!.isSent])).toEqual([
      ['reset', true],
      ['unreachable', false],
    ]);
  });
});

describe('a client that leaves', () => {
  it.each([NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM])('passes its code %i to the backend', async (code) => {
    const { streams } = await held(events);
    const stream = rig.client().request({ ':path': '/' });
    stream.on('error', () => undefined);
    await once(stream, 'data');
    stream.close(code);
    await expect.poll(() => streams[0]!.rstCode).toBe(code);
    expect(rig.told[0]!.ends).toEqual(['gone']);
  });

  it('with NO_ERROR or its connection cancels', async () => {
    const { streams } = await held(events);
    const session = rig.client();
    const stream = session.request({ ':method': 'POST', ':path': '/' });
    stream.write('body');
    await once(stream, 'data');
    stream.close(NGHTTP2_NO_ERROR);
    const other = session.request({ ':path': '/' });
    other.on('error', () => undefined);
    await once(other, 'data');
    session.destroy();
    await expect.poll(() => streams.map(({ rstCode }) => rstCode)).toEqual([NGHTTP2_CANCEL, NGHTTP2_CANCEL]);
    await expect.poll(() => rig.told.map(({ end }) => end)).toEqual(['gone', 'gone']);
  });

  it.each(['stream', 'session'])(
    'while it waits is seen (%s), with a body that nobody reads',
    async (what) => {
      await rig.open(0, { take: () => undefined });
      const session = rig.client();
      const stream = session.request({ ':method': 'POST', ':path': '/' });
      stream.on('error', () => undefined);
      stream.write(Buffer.alloc(1_000_000));
      await expect.poll(() => rig.told.length).toBe(1);
      if (what === 'stream') stream.close(NGHTTP2_CANCEL);
      else session.destroy();
      await expect.poll(() => rig.told[0]!.end).toBe('gone');
    },
  );

  it('has left the backend when its end is told: the next request comes behind the reset', async () => {
    const seen: string[] = [];
    const backend = await rig.backend((stream, headers) => {
      seen.push(`begin ${headers[':path']}`);
      stream.on('aborted', () => seen.push(`reset ${headers[':path']}`));
      stream.resume();
      if (headers[':path'] === '/second') stream.respond({ ':status': 204 }, { endStream: true });
    });
    await rig.open(backend.port, {
      take: (told) => {
        if (told.request.head.target === '/first') return told.request.forward(to(told, backend.port));
        Object.assign(rig.told[0]!, {
          onEnd(end: LaneEnd) {
            rig.told[0]!.ends.push(end);
            told.request.forward(to(told, backend.port));
          },
        });
      },
    });
    const session = rig.client();
    const first = session.request({ ':method': 'POST', ':path': '/first' });
    first.on('error', () => undefined);
    first.end('body');
    await expect.poll(() => seen).toEqual(['begin /first']);
    const second = ask(session, { ':path': '/second' });
    await expect.poll(() => rig.told.length).toBe(2);
    first.close(NGHTTP2_CANCEL);
    await second;
    expect(seen).toEqual(['begin /first', 'reset /first', 'begin /second']);
  });

  it('before a connection to the backend was had sends nothing', async () => {
    let preface = 0;
    const port = await rig.tcp((socket) => socket.on('data', () => preface++));
    await rig.open(port);
    const stream = rig.client().request({ ':path': '/' });
    stream.on('error', () => undefined);
    await expect.poll(() => preface).toBeGreaterThan(0);
    stream.close(NGHTTP2_CANCEL);
    await expect.poll(() => rig.told[0]!.end).toBe('gone');
  });
});
