import { once } from 'node:events';
import { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../support/manual-clock.ts';
import { ask, got as gotOf, ignore, Rig } from './rig.ts';

let rig = new Rig();
afterEach(async () => {
  await rig.close();
  rig = new Rig();
});

/** A backend that answers when it is told to, and counts its connections. */
async function backendOf(maxConcurrentStreams?: number) {
  const sessions = new Set<ServerHttp2Session>();
  const streams: ServerHttp2Stream[] = [];
  const settings = maxConcurrentStreams === undefined ? {} : { maxConcurrentStreams };
  const backend = await rig.backend((stream) => streams.push(stream), {
    settings,
    streamResetBurst: 10_000,
    streamResetRate: 10_000,
  });
  backend.on('session', (session) => {
    sessions.add(session as ServerHttp2Session);
    session.on('close', () => sessions.delete(session as ServerHttp2Session));
  });
  const answer = () => {
    for (const stream of streams.splice(0)) stream.respond({ ':status': 200 }, { endStream: true });
  };
  return { port: backend.port, sessions, streams, answer };
}

/** A frame of HTTP/2. */
function frame(type: number, flags: number, streamId: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const settingsFrame = frame(4, 0, 0, Buffer.alloc(0));
/** `:method GET`, `:scheme http`, `:path /` out of the static table, and `:authority a`. */
const getFields = Buffer.from([0x82, 0x86, 0x84, 0x41, 0x01, 0x61]);

/** A client of bare frames; resolves with what it got once the lane closed the connection. */
async function flood(pieces: Iterable<Buffer>): Promise<Buffer> {
  const socket = connect(rig.listener.port, '127.0.0.1');
  rig.onClose(() => socket.destroy());
  const got: Buffer[] = [];
  socket.on('data', (bytes: Buffer) => got.push(bytes));
  socket.on('error', ignore);
  const closed = new Promise((resolve) => socket.on('close', resolve));
  socket.write(Buffer.concat([preface, settingsFrame]));
  for (const piece of pieces) {
    if (socket.destroyed) break;
    if (!socket.write(piece)) await Promise.race([once(socket, 'drain').catch(ignore), closed]);
  }
  await closed;
  return Buffer.concat(got);
}

describe('connections to a backend', () => {
  it('are one for all requests, and more where it allows no more streams on one', async () => {
    const backend = await backendOf(2);
    await rig.open(backend.port);
    const session = rig.client();
    const answers = Array.from({ length: 5 }, () => ask(session));
    await expect.poll(() => backend.streams.length).toBe(5);
    expect(backend.sessions.size).toBe(3);
    backend.answer();
    await Promise.all(answers);
    const more = [ask(session), ask(session)];
    await expect.poll(() => backend.streams.length).toBe(2);
    expect(backend.sessions.size).toBe(3);
    backend.answer();
    await Promise.all(more);
  });

  it('are closed when they were idle for their time', async () => {
    const clock = new ManualClock();
    const backend = await backendOf();
    await rig.open(backend.port, { clock, backendIdleMs: 60_000 });
    const session = rig.client();
    const first = ask(session);
    await expect.poll(() => backend.streams.length).toBe(1);
    await clock.advance(200_000);
    expect(backend.sessions.size).toBe(1);
    backend.answer();
    await first;
    await expect.poll(() => rig.told[0]!.end).toBe('answered');
    await clock.advance(59_000);
    const second = ask(session);
    await expect.poll(() => backend.streams.length).toBe(1);
    backend.answer();
    await second;
    await clock.advance(121_000);
    await expect.poll(() => backend.sessions.size).toBe(0);
    const third = ask(session);
    await expect.poll(() => backend.streams.length).toBe(1);
    backend.answer();
    expect((await third).fields[':status']).toBe(200);
  });
});

describe('a drain', () => {
  it('lets streams end, says which one was the last, and closes the connection then', async () => {
    const backend = await backendOf();
    await rig.open(backend.port);
    const session = rig.client();
    const first = ask(session);
    await expect.poll(() => backend.streams.length).toBe(1);
    const goaways: number[] = [];
    session.on('goaway', (code) => goaways.push(code));
    let isDrained = false;
    const drained = rig.lane.drain().then(() => {
      isDrained = true;
    });
    // The client has not read that yet, and learns that it may send this one elsewhere.
    expect((await ask(session)).code).toBe(constants.NGHTTP2_REFUSED_STREAM);
    expect(goaways).toEqual([constants.NGHTTP2_NO_ERROR]);
    expect(isDrained).toBe(false);
    backend.answer();
    expect((await first).fields[':status']).toBe(200);
    await drained;
    expect(rig.told.length).toBe(1);
  });

  it('does not wait for a client that neither answers nor closes', async () => {
    const clock = new ManualClock();
    await rig.open(0, { clock });
    const socket = connect({ port: rig.listener.port, host: '127.0.0.1', allowHalfOpen: true });
    rig.onClose(() => socket.destroy());
    socket.on('error', ignore);
    socket.write(Buffer.concat([preface, settingsFrame]));
    await once(socket, 'data');
    const drained = rig.lane.drain();
    await clock.advance(1_000);
    await drained;
  });

  it('of a lane without connections is over at once', async () => {
    await rig.open(0);
    await rig.lane.drain();
  });
});

describe('a lane that is closed', () => {
  it('cuts its streams and tells the backend', async () => {
    const backend = await backendOf();
    await rig.open(backend.port);
    const asked = ask(rig.client());
    await expect.poll(() => backend.streams.length).toBe(1);
    rig.lane.close();
    expect((await asked).fields).toEqual({});
    expect(rig.told[0]!.ends).toEqual(['cut']);
    await expect.poll(() => backend.sessions.size).toBe(0);
  });
});

describe('a client', () => {
  it('that has no streams is sent away after its time', async () => {
    const clock = new ManualClock();
    const backend = await backendOf();
    await rig.open(backend.port, { clock, idleMs: 300_000 });
    const session = rig.client();
    const asked = ask(session);
    await expect.poll(() => backend.streams.length).toBe(1);
    await clock.advance(700_000);
    expect(session.closed).toBe(false);
    backend.answer();
    await asked;
    await clock.advance(299_000);
    expect(session.closed).toBe(false);
    await clock.advance(301_001);
    await expect.poll(() => session.closed).toBe(true);
  });

  it('that begins a head and does not end it is closed as an idle one', async () => {
    const clock = new ManualClock();
    await rig.open(0, { clock, idleMs: 60_000 });
    const socket = connect(rig.listener.port, '127.0.0.1');
    socket.on('error', ignore);
    socket.on('data', ignore);
    rig.onClose(() => socket.destroy());
    socket.write(Buffer.concat([preface, settingsFrame, frame(1, 0, 1, getFields)]));
    await once(socket, 'data');
    const closed = once(socket, 'close');
    await clock.advance(62_000);
    await closed;
    expect(rig.told).toEqual([]);
  });

  it('may have as many streams as the lane allows, and no more', async () => {
    const backend = await backendOf();
    await rig.open(backend.port, { maxStreams: 3 });
    const session = rig.client();
    await once(session, 'remoteSettings');
    expect(session.remoteSettings.maxConcurrentStreams).toBe(3);
    const answers = Array.from({ length: 5 }, () => ask(session));
    await expect.poll(() => backend.streams.length).toBe(3);
    backend.answer();
    await expect.poll(() => backend.streams.length).toBe(2);
    backend.answer();
    await Promise.all(answers);
  });

  it.each([
    ['resets its streams as fast as it begins them', resets],
    ['floods with settings', settings],
    ['floods with pings', pings],
    ['floods with empty frames', empties],
    ['sends what is no HTTP/2 behind its preface', () => [Buffer.alloc(64, 0xff)]],
  ])('that %s loses its connection, and others go on', async (_, pieces) => {
    await rig.open(0, { take: (told) => told.request.answer({ status: 200, fields: [], body: 'ok' }) });
    const session = rig.client();
    expect((await ask(session)).body).toBe('ok');
    await flood(pieces());
    expect((await ask(session)).body).toBe('ok');
    expect(rig.told.every(({ ends }) => ends.length === 1)).toBe(true);
  });

  it('that cancels often, but as people do, keeps its connection', async () => {
    const backend = await backendOf();
    await rig.open(backend.port);
    const session = rig.client();
    for (let i = 0; i < 40; i++) {
      const streams = Array.from({ length: 50 }, () => session.request({ ':path': '/' }));
      const closed = streams.map((stream) => gotOf(stream));
      await expect.poll(() => rig.told.length).toBe((i + 1) * 50);
      for (const stream of streams) stream.close(constants.NGHTTP2_CANCEL);
      await Promise.all(closed);
    }
    const asked = ask(session);
    await expect.poll(() => backend.streams.filter(({ closed }) => !closed).length).toBe(1);
    backend.streams.find(({ closed }) => !closed)!.respond({ ':status': 200 }, { endStream: true });
    expect((await asked).fields[':status']).toBe(200);
    await expect.poll(() => rig.told.filter(({ end }) => end === 'gone').length).toBe(2_000);
  });
});

function* resets() {
  for (let id = 1; id < 120_000; id += 2) {
    yield Buffer.concat([frame(1, 5, id, getFields), frame(3, 0, id, Buffer.from([0, 0, 0, 8]))]);
  }
}

function* settings() {
  const one = Buffer.concat(Array.from({ length: 1_000 }, () => settingsFrame));
  for (let i = 0; i < 2_000; i++) yield one;
}

function* pings() {
  const one = Buffer.concat(Array.from({ length: 1_000 }, () => frame(6, 0, 0, Buffer.alloc(8))));
  for (let i = 0; i < 2_000; i++) yield one;
}

function* empties() {
  yield frame(1, 4, 1, getFields);
  const one = Buffer.concat(Array.from({ length: 1_000 }, () => frame(0, 0, 1, Buffer.alloc(0))));
  for (let i = 0; i < 200; i++) yield one;
}
