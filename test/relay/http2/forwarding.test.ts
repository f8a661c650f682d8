import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { constants, type IncomingHttpHeaders } from 'node:http2';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { ask, got, Rig, to } from './rig.ts';

const run = promisify(execFile);
const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR } = constants;

let rig = new Rig();
afterEach(async () => {
  await rig.close();
  rig = new Rig();
});

async function echo() {
  const backend = await rig.backend((stream) => {
    stream.respond({ ':status': 200, 'content-type': 'text/plain' });
    stream.pipe(stream);
  });
  await rig.open(backend.port);
}

describe('the head of a request', () => {
  it('is told with its authority as host, with names in lower case, and without pseudo-fields', async () => {
    const backend = await rig.backend((stream) => stream.respond({ ':status': 204 }, { endStream: true }));
    await rig.open(backend.port);
    await ask(rig.client(), { ':path': '/a?b=c', ':authority': 'svc.example', 'X-One': '1', cookie: 'a=b' });
    const { head } = rig.told[0]!.request;
    expect(head).toMatchObject({
      version: '2',
      method: 'GET',
      target: '/a?b=c',
      authority: 'svc.example',
      upgrade: null,
      bodyBytes: 0,
      peer: { address: '127.0.0.1', port: expect.any(Number), isTls: false },
    });
    expect(head.fields).toEqual(['host', 'svc.example', 'x-one', '1', 'cookie', 'a=b']);
  });

  it('takes a host field for the authority where there is none', async () => {
    const seen: IncomingHttpHeaders[] = [];
    const backend = await rig.backend((stream, headers) => {
      seen.push(headers);
      stream.respond({ ':status': 204 }, { endStream: true });
    });
    await rig.open(backend.port);
    await ask(rig.client(), { host: 'a.example' });
    expect(rig.told[0]!.request.head.authority).toBe('a.example');
    expect(seen[0]![':authority']).toBe('a.example');
    expect(seen[0]!.host).toBeUndefined();
  });

  it('is refused where host and authority name two places', async () => {
    await echo();
    const answer = await ask(rig.client(), { ':authority': 'a.example', host: 'b.example' });
    expect(answer.fields[':status']).toBe(400);
    expect(rig.told).toEqual([]);
  });

  it('of more than 64 KiB is answered 431, and the connection goes on', async () => {
    await echo();
    const session = rig.client({ maxSendHeaderBlockLength: 1_000_000 });
    const big = await ask(session, { 'x-big': 'a'.repeat(65_536) });
    expect(big.fields[':status']).toBe(431);
    const fits = await ask(session, { 'x-big': 'a'.repeat(60_000) });
    expect(fits.fields[':status']).toBe(200);
    expect(rig.told).toHaveLength(1);
  });

  it('with CONNECT is answered 501: tunnels are not offered', async () => {
    await echo();
    const session = rig.client();
    const stream = session.request({ ':method': 'CONNECT', ':authority': 'a.example:443' });
    expect((await got(stream)).fields[':status']).toBe(501);
  });

  it('tells the length of its body where it has one, and null where it does not', async () => {
    await echo();
    const session = rig.client();
    await ask(session, { ':method': 'POST', 'content-length': '5' }, 'hello');
    await ask(session, { ':method': 'POST' }, 'hello');
    expect(rig.told.map(({ request }) => request.head.bodyBytes)).toEqual([5, null]);
  });
});

describe('an exchange', () => {
  it('passes the body, the status, the fields and the trailers of an answer', async () => {
    const backend = await rig.backend((stream) => {
      stream.respond(
        { ':status': 418, 'x-tea': 'é', 'set-cookie': ['a=1', 'b=2'] },
        { waitForTrailers: true },
      );
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': 'abc', 'x-two': ['1', '2'] }));
      stream.end('short and stout');
    });
    await rig.open(backend.port);
    const answer = await ask(rig.client());
    expect(answer.fields).toMatchObject({ ':status': 418, 'x-tea': 'é', 'set-cookie': ['a=1', 'b=2'] });
    expect(answer.body).toBe('short and stout');
    expect(answer.trailers).toMatchObject({ 'x-sum': 'abc', 'x-two': '1, 2' });
    expect(answer.code).toBe(NGHTTP2_NO_ERROR);
    expect(rig.told[0]).toMatchObject({ status: 418, bytes: 15, ends: ['answered'], late: 0 });
  });

  it('passes the body and the trailers of a request, whether they come at once or in pieces', async () => {
    const trailers: IncomingHttpHeaders[] = [];
    const bodies: string[] = [];
    const backend = await rig.backend((stream) => {
      let body = '';
      stream.on('data', (chunk) => {
        body += chunk;
      });
      stream.on('trailers', (fields) => trailers.push(fields));
      stream.on('end', () => {
        bodies.push(body);
        stream.respond({ ':status': 200 }, { endStream: true });
      });
    });
    await rig.open(backend.port);
    const session = rig.client();
    const send = async (pieces: string[], isSlow: boolean) => {
      const stream = session.request({ ':method': 'POST', ':path': '/' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': pieces.join('+') }));
      const answer = got(stream);
      for (const piece of pieces) {
        stream.write(piece);
        if (isSlow) await expect.poll(() => rig.told.at(-1)?.uploaded).toBeGreaterThan(0);
      }
      stream.end();
      await answer;
    };
    await send(['one'], false);
    await send(['one', 'two'], true);
    expect(bodies).toEqual(['one', 'onetwo']);
    expect(trailers.map((fields) => fields['x-sum'])).toEqual(['one', 'one+two']);
    expect(rig.told.map(({ uploaded }) => uploaded)).toEqual([3, 6]);
  });

  it('keeps te: trailers, and leaves out what speaks of a connection', async () => {
    const seen: IncomingHttpHeaders[] = [];
    const backend = await rig.backend((stream, headers) => {
      seen.push(headers);
      stream.respond({ ':status': 204 }, { endStream: true });
    });
    await rig.open(backend.port, {
      take: (told) => {
        const outbound = to(told, backend.port);
        const hop = ['connection', 'close', 'keep-alive', '5', 'transfer-encoding', 'chunked', 'x-own', '1'];
        told.request.forward({
          ...outbound,
          fields: [...outbound.fields, ...hop],
          authority: 'other.example',
        });
      },
    });
    const answer = await ask(rig.client(), { te: 'trailers', 'x-a': 'b' });
    expect(answer.fields[':status']).toBe(204);
    expect(seen[0]).toMatchObject({
      te: 'trailers',
      'x-a': 'b',
      'x-own': '1',
      ':authority': 'other.example',
    });
    for (const name of ['connection', 'keep-alive', 'transfer-encoding', 'host']) {
      expect(seen[0]).not.toHaveProperty(name);
    }
  });

  it('passes informational heads before the answer', async () => {
    const backend = await rig.backend((stream) => {
      stream.additionalHeaders({ ':status': 103, link: '</a.css>; rel=preload' });
      stream.respond({ ':status': 200 });
      stream.end('ok');
    });
    await rig.open(backend.port);
    const answer = await ask(rig.client());
    expect(answer.informed).toEqual([expect.objectContaining({ ':status': 103 })]);
    expect(answer.informed[0]!.link).toBe('</a.css>; rel=preload');
    expect(answer.body).toBe('ok');
  });

  it('passes expect and the 100 that answers it', async () => {
    const backend = await rig.backend((stream, headers) => {
      expect(headers.expect).toBe('100-continue');
      stream.additionalHeaders({ ':status': 100 });
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    });
    await rig.open(backend.port);
    const stream = rig.client().request({ ':method': 'POST', ':path': '/', expect: '100-continue' });
    const answer = got(stream);
    await once(stream, 'continue');
    stream.end('body');
    expect((await answer).body).toBe('body');
  });

  it('passes HEAD, with the length of the body that is not there', async () => {
    const backend = await rig.backend((stream) =>
      stream.respond({ ':status': 200, 'content-length': '42' }, { endStream: true }),
    );
    await rig.open(backend.port);
    const answer = await ask(rig.client(), { ':method': 'HEAD' });
    expect(answer.fields).toMatchObject({ ':status': 200, 'content-length': '42' });
    expect(rig.told[0]!.ends).toEqual(['answered']);
  });

  it.each([204, 205, 304])('passes %i, which has no body', async (status) => {
    const backend = await rig.backend((stream) => stream.respond({ ':status': status }, { endStream: true }));
    await rig.open(backend.port);
    expect((await ask(rig.client())).fields[':status']).toBe(status);
    await expect.poll(() => rig.told[0]!.ends).toEqual(['answered']);
  });

  it('goes both ways at once, byte by byte', async () => {
    await echo();
    const stream = rig.client().request({ ':method': 'POST', ':path': '/' });
    stream.on('error', () => undefined);
    await once(stream, 'response');
    for (const letter of 'abcdef') {
      stream.write(letter);
      const [chunk] = await once(stream, 'data');
      expect(String(chunk)).toBe(letter);
    }
    stream.end();
    await once(stream, 'close');
    expect(rig.told[0]).toMatchObject({ bytes: 6, uploaded: 6, ends: ['answered'], late: 0 });
  });

  it('sends an answer on that comes before the body was read, and tells the client to stop', async () => {
    const backend = await rig.backend((stream) => {
      stream.respond({ ':status': 413 });
      stream.end('too much');
      stream.on('finish', () => stream.close(NGHTTP2_NO_ERROR));
    });
    await rig.open(backend.port);
    const stream = rig.client().request({ ':method': 'POST', ':path': '/' });
    const answer = got(stream);
    stream.write(Buffer.alloc(4_000_000));
    expect(await answer).toMatchObject({ body: 'too much', code: NGHTTP2_NO_ERROR });
    expect(rig.told[0]!.ends).toEqual(['answered']);
  });

  it('tells a backend that answered and does not read the rest that nobody sends it', async () => {
    const codes: number[] = [];
    const backend = await rig.backend((stream) => {
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-done': '1' }));
      stream.on('close', () => codes.push(stream.rstCode));
      stream.on('data', () => undefined);
      stream.end('early');
    });
    await rig.open(backend.port);
    const stream = rig.client().request({ ':method': 'POST', ':path': '/' });
    const answer = got(stream);
    stream.write('part of it');
    expect(await answer).toMatchObject({
      body: 'early',
      trailers: { 'x-done': '1' },
      code: NGHTTP2_NO_ERROR,
    });
    await expect.poll(() => codes).toEqual([NGHTTP2_CANCEL]);
  });

  it('is the same for curl with prior knowledge', async () => {
    await echo();
    const url = `http://127.0.0.1:${rig.listener.port}/`;
    const { stdout } = await run('curl', [
      '-sS',
      '--http2-prior-knowledge',
      '-d',
      'from curl',
      '-w',
      '%{http_version}',
      url,
    ]);
    expect(stdout).toBe('from curl2');
  });
});
