import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { constants, type ServerHttp2Stream } from 'node:http2';
import { afterEach, describe, expect, it } from 'vitest';
import { got, ignore, Rig, to } from './rig.ts';

const mebibyte = 1024 * 1024;
const windowBytes = 64 * 1024;
/** A window on each side, what Node keeps of a stream on each, and what is on its way between them. */
const bound = 2 * mebibyte;

let rig = new Rig();
afterEach(async () => {
  const { told } = rig;
  await rig.close();
  rig = new Rig();
  for (const { late, ends } of told) expect({ late, ends: ends.length }).toEqual({ late: 0, ends: 1 });
});

/** 50 MiB that no two pieces of are alike. */
function big(): Buffer {
  const bytes = Buffer.allocUnsafe(50 * mebibyte);
  for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE((at * 2_654_435_761) >>> 0, at);
  return bytes;
}

/** Settles when a count did not move for a while: nothing more is taken. */
async function stalled(count: () => number): Promise<number> {
  for (let before = -1; ; ) {
    const now = count();
    if (now > 0 && now === before) return now;
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe('bodies', () => {
  it('of 50 MiB go both ways at once, to the byte', async () => {
    const backend = await rig.backend((stream) => {
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    });
    await rig.open(backend.port);
    const sent = big();
    const stream = rig.client().request({ ':method': 'POST', ':path': '/', 'content-length': sent.length });
    const hash = createHash('sha256');
    let bytes = 0;
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      hash.update(chunk);
    });
    stream.end(sent);
    await once(stream, 'close');
    expect(bytes).toBe(sent.length);
    expect(hash.digest('hex')).toBe(createHash('sha256').update(sent).digest('hex'));
    expect(rig.told[0]).toMatchObject({ bytes: sent.length, uploaded: sent.length, ends: ['answered'] });
  });

  it('of an answer are taken no faster than the client reads, and others go on meanwhile', async () => {
    const sent = big();
    const backend = await rig.backend((stream, headers) => {
      stream.respond({ ':status': 200 });
      stream.end(headers[':path'] === '/big' ? sent : 'small');
    });
    await rig.open(backend.port, { windowBytes });
    const session = rig.client();
    const slow = session.request({ ':path': '/big' });
    await once(slow, 'response');
    expect(await stalled(() => rig.told[0]!.bytes)).toBeLessThan(bound);
    expect((await got(session.request({ ':path': '/' }))).body).toBe('small');
    let bytes = 0;
    slow.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    await once(slow, 'close');
    expect(bytes).toBe(sent.length);
  });

  it('of a request are taken no faster than the backend reads', async () => {
    const sent = big();
    let taken: ServerHttp2Stream | null = null;
    const backend = await rig.backend((stream) => {
      taken = stream;
    });
    await rig.open(backend.port, { windowBytes });
    const stream = rig.client().request({ ':method': 'POST', ':path': '/' });
    const answer = got(stream);
    stream.end(sent);
    expect(await stalled(() => rig.told[0]?.uploaded ?? 0)).toBeLessThan(bound);
    let bytes = 0;
    taken!.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    taken!.on('end', () => taken!.respond({ ':status': 204 }, { endStream: true }));
    await answer;
    expect(bytes).toBe(sent.length);
    expect(rig.told[0]!.uploaded).toBe(sent.length);
  });

  it('of who waits are not taken past the window', async () => {
    await rig.open(0, { take: ignore, windowBytes });
    const stream = rig.client().request({ ':method': 'POST', ':path': '/' });
    stream.on('error', ignore);
    stream.end(big());
    await expect.poll(() => rig.told.length).toBe(1);
    // Nothing but windows stops the client, and what it could not send is still there.
    const sent = await stalled(() => stream.session!.socket.bytesWritten);
    expect(sent).toBeLessThan(2 * windowBytes);
    stream.close(constants.NGHTTP2_CANCEL);
    await expect.poll(() => rig.told[0]!.end).toBe('gone');
  });
});

describe('a crossing that reads the body first', () => {
  it('has it piece by piece until it pauses, and sends it on before the rest', async () => {
    const backend = await rig.backend((stream) => {
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    });
    const pieces: Buffer[] = [];
    await rig.open(backend.port, {
      take: (told) =>
        told.request.read({
          onChunk(chunk) {
            pieces.push(chunk);
            if (Buffer.concat(pieces).length < 5) return;
            told.request.pause();
            setImmediate(() => told.request.forward({ ...to(told, backend.port), prefix: pieces }));
          },
          onEnd: ignore,
        }),
    });
    const stream = rig.client().request({ ':method': 'POST', ':path': '/' });
    const answer = got(stream);
    stream.write('mod');
    await expect.poll(() => pieces.length).toBe(1);
    expect(rig.told[0]!.request.isUploaded).toBe(false);
    stream.write('el, ');
    await expect.poll(() => pieces.length).toBe(2);
    stream.end('and the rest');
    expect((await answer).body).toBe('model, and the rest');
    expect(rig.told[0]!.uploaded).toBe(19);
  });

  it('is told of its end, with trailers that are sent on, and knows that all is there', async () => {
    const seen: unknown[] = [];
    const backend = await rig.backend((stream) => {
      stream.on('trailers', (fields) => seen.push(fields['x-sum']));
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    });
    const prefix: Buffer[] = [];
    await rig.open(backend.port, {
      take: (told) =>
        told.request.read({
          onChunk: (chunk) => prefix.push(chunk),
          onEnd() {
            expect(told.request.isUploaded).toBe(true);
            told.request.forward({ ...to(told, backend.port), prefix });
          },
        }),
    });
    const stream = rig.client().request({ ':method': 'POST', ':path': '/' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': 'abc' }));
    const answer = got(stream);
    stream.end('all of it');
    expect((await answer).body).toBe('all of it');
    expect(seen).toEqual(['abc']);
  });

  it('of a request without one is told its end', async () => {
    const ends: number[] = [];
    await rig.open(0, {
      take: (told) => {
        told.request.read({ onChunk: ignore, onEnd: () => ends.push(told.ends.length) });
        setImmediate(() => setImmediate(() => told.request.answer({ status: 200, fields: [], body: 'ok' })));
      },
    });
    expect((await got(rig.client().request({ ':path': '/' }))).body).toBe('ok');
    expect(ends).toEqual([0]);
  });

  it('that pauses after it answered holds nothing up', async () => {
    await rig.open(0, {
      take: (told) => {
        told.request.read({ onChunk: ignore, onEnd: ignore });
        told.request.answer({ status: 200, fields: [], body: 'ok' });
        told.request.pause();
      },
    });
    const session = rig.client();
    const stream = session.request({ ':method': 'POST', ':path': '/' });
    const answer = got(stream);
    stream.write(Buffer.alloc(20_000));
    expect((await answer).body).toBe('ok');
    session.close();
    await rig.lane.drain();
  });

  it('is told nothing more once the client left', async () => {
    let ended = 0;
    await rig.open(0, { take: (told) => told.request.read({ onChunk: ignore, onEnd: () => ended++ }) });
    // Without trailers to wait for Node ends the body before it resets the stream.
    const stream = rig.client().request({ ':method': 'POST', ':path': '/' }, { waitForTrailers: true });
    stream.on('error', ignore);
    stream.write('part');
    await expect.poll(() => rig.told.length).toBe(1);
    stream.close(constants.NGHTTP2_CANCEL);
    await expect.poll(() => rig.told[0]!.end).toBe('gone');
    expect(ended).toBe(0);
  });
});
