import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { answerOk } from '../support/raw-backend.ts';
import { rawRequest } from '../support/raw-client.ts';
import { answerOf, ask, type OnStream, openSession, startH2App } from './support/h2-app.ts';
import { useSidecarRig } from './support/sidecar-rig.ts';
import { itsOwn } from './support/under-test.ts';

const rig = useSidecarRig();

/** An app of HTTP/2, the sidecar before it and a session with that. */
async function start(onStream: OnStream, options: Parameters<typeof rig.start>[1] = {}) {
  const app = await startH2App(onStream);
  rig.onClose(() => app.close());
  const sidecar = await rig.start(app.port, options);
  const session = await openSession(sidecar.url);
  rig.onClose(() => session.destroy());
  return { app, session };
}

const echo: OnStream = (stream) => {
  stream.respond({ ':status': 200, 'x-from': 'app' });
  stream.pipe(stream);
};

describe('h2c', () => {
  it('stays HTTP/2, with its method, path, authority and body', async () => {
    const { app, session } = await start(echo);
    const stream = ask(
      session,
      { ':method': 'PUT', ':path': '/a?b=c', ':authority': 'hello.example.com' },
      false,
    );
    stream.end('the body');
    expect(await answerOf(stream)).toMatchObject({
      headers: { ':status': 200, 'x-from': 'app' },
      body: 'the body',
      code: 0,
    });
    expect(app.seen[0]).toMatchObject({
      ':method': 'PUT',
      ':path': '/a?b=c',
      ':authority': 'hello.example.com',
    });
  });

  it('is spoken on the same port as HTTP/1.1', async () => {
    const app = await rig.app(answerOk);
    const sidecar = await rig.start(app);
    expect(await rig.client().write(rawRequest('/', 'x')).answer()).toMatchObject({ status: 200 });
    const session = await openSession(sidecar.url);
    rig.onClose(() => session.destroy());
    const stream = ask(session, { 'user-agent': 'kube-probe/1.36', 'k-network-probe': 'queue' });
    expect(await answerOf(stream)).toMatchObject({ headers: { ':status': 200 }, body: 'queue', code: 0 });
  });

  it('is spoken to curl --http2-prior-knowledge', async (context) => {
    const { stdout: version } = await promisify(execFile)('curl', ['--version']).catch(() => ({
      stdout: '',
    }));
    if (!/\bHTTP2\b/.test(version)) context.skip('curl with HTTP2 is needed: apt install curl');
    const { app } = await start(echo);
    const args = [
      '--http2-prior-knowledge',
      '-sS',
      '-w',
      '%{http_version} %{http_code}',
      '-d',
      'x'.repeat(100_000),
    ];
    const { stdout } = await promisify(execFile)('curl', [...args, `${rig.sidecar.url}/curl`]);
    expect(stdout).toBe(`${'x'.repeat(100_000)}2 200`);
    expect(app.seen[0]![':path']).toBe('/curl');
  });

  it('has a limit that counts streams, and a queue that overflows', async () => {
    const held: Parameters<OnStream>[0][] = [];
    const { session } = await start((stream) => held.push(stream), { concurrency: 1 });
    const answers = Array.from({ length: 12 }, () => answerOf(ask(session, {})));
    const refused = await Promise.race(answers);
    expect(refused).toMatchObject({
      headers: { ':status': 503 },
      body: 'pending request queue full\n',
      code: 0,
    });
    for (let served = 0; served < 11; served++) {
      await expect.poll(() => held.length).toBe(served + 1);
      held[served]!.respond({ ':status': 200 }, { endStream: true });
    }
    const statuses = (await Promise.all(answers)).map(({ headers }) => headers[':status']);
    expect(statuses.map(String).filter((status) => status === '200')).toHaveLength(11);
  });

  it('rules of the fields are the same', async () => {
    const { app, session } = await start(echo);
    await answerOf(
      ask(session, {
        ':authority': 'activator',
        'k-original-host': 'hello.example.com',
        'knative-serving-revision': 'hello-00001',
        'x-forwarded-for': '2001:db8::1',
      }),
    );
    const seen = app.seen[0]!;
    expect(seen[':authority']).toBe('hello.example.com');
    expect(seen['k-original-host']).toBeUndefined();
    expect(seen['knative-serving-revision']).toBeUndefined();
    expect(seen.forwarded).toBe('for="[2001:db8::1]"');
  });

  it('trailers of an answer are passed on', async () => {
    const { session } = await start((stream) => {
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '42' }));
      stream.end('ok');
    });
    expect(await answerOf(ask(session, { te: 'trailers' }))).toMatchObject({
      body: 'ok',
      trailers: { 'x-sum': '42' },
      code: 0,
    });
  });

  // The original leaves them out.
  itsOwn('trailers of a request are passed on', async () => {
    const came = Promise.withResolvers<unknown>();
    const { session } = await start((stream) => {
      stream.on('trailers', came.resolve);
      stream.resume().on('end', () => stream.respond({ ':status': 200 }, { endStream: true }));
    });
    const head = { ':method': 'POST', ':path': '/', te: 'trailers', trailer: 'x-up' };
    const stream = session.request(head, { endStream: false, waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-up': '7' }));
    stream.end('body');
    await answerOf(stream);
    expect(await came.promise).toMatchObject({ 'x-up': '7' });
  });

  it('a stream that the app resets is reset', async () => {
    const { session } = await start((stream) => {
      stream.respond({ ':status': 200 });
      stream.write('begun');
      setTimeout(() => stream.destroy(new Error('broken off')), 50);
    });
    const answer = await answerOf(ask(session, {}));
    expect(answer.headers[':status']).toBe(200);
    expect(answer.code).not.toBe(0);
    // The session goes on.
    expect(session.closed || session.destroyed).toBe(false);
  });

  it('a client that resets its stream gives it up at the app, and frees its slot', async () => {
    const closed: number[] = [];
    const { app, session } = await start(
      (stream, headers) => {
        stream.on('close', () => closed.push(stream.rstCode));
        if (headers[':path'] === '/after') stream.respond({ ':status': 200 }, { endStream: true });
      },
      { concurrency: 1 },
    );
    const stream = ask(session, {});
    await expect.poll(() => app.seen.length).toBe(1);
    stream.close(8);
    await expect.poll(() => closed.length).toBe(1);
    expect(closed[0]).not.toBe(0);
    expect(await answerOf(ask(session, { ':path': '/after' }))).toMatchObject({
      headers: { ':status': 200 },
    });
  });
});
