import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Script } from '../support/raw-backend.ts';
import { rawRequest } from '../support/raw-client.ts';
import { chunk } from '../support/raw-message.ts';
import { answerOf, ask, openSession, startH2App } from './support/h2-app.ts';
import { useSidecarRig } from './support/sidecar-rig.ts';
import { itsOwn } from './support/under-test.ts';

const rig = useSidecarRig();

const timeouts = [
  ['of the whole request', { REVISION_TIMEOUT_SECONDS: '1' }],
  ['of pauses', { REVISION_IDLE_TIMEOUT_SECONDS: '1' }],
] as const;

/** Begins an answer with these bytes and stops. */
const beginning =
  (head: string, ...body: readonly (string | Buffer)[]): Script =>
  async (exchange) => {
    await exchange.write(`HTTP/1.1 200 OK\r\n${head}\r\n`);
    for (const bytes of body) await exchange.write(bytes);
  };

const events = 'content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n';

/** All that a client gets of it, and how its connection ended. */
async function outcome(script: Script, env: Record<string, string>, request = rawRequest('/', 'x')) {
  const app = await rig.app(script);
  await rig.start(app, { env });
  const client = rig.client().write(request);
  const end = await client.closed();
  await app.exchanges[0]!.closed();
  return { end, text: client.text, answer: await client.answer() };
}

// The original puts the words into the body and ends it as if it was whole.
describe.each(timeouts)('an answer that is cut by the timeout %s', (_, env) => {
  itsOwn('with chunks has no last chunk', async () => {
    const { answer } = await outcome(beginning('transfer-encoding: chunked\r\n', chunk('half')), env);
    expect(answer).toMatchObject({ status: 200, body: 'half', isWhole: false });
  });

  itsOwn('of a known length is shorter', async () => {
    const { answer } = await outcome(beginning('content-length: 100\r\n', 'half'), env);
    expect(answer).toMatchObject({ status: 200, body: 'half', isWhole: false });
  });

  itsOwn('without framing is framed, and has no last chunk', async () => {
    const { answer } = await outcome(beginning('', 'half'), env);
    expect(answer).toMatchObject({ status: 200, body: 'half', isWhole: false });
  });

  itsOwn('to a client of HTTP/1.0, which could not see it otherwise, is reset', async () => {
    const { answer, end } = await outcome(beginning('', 'half'), env, Buffer.from('GET / HTTP/1.0\r\n\r\n'));
    expect(end).toBe('reset');
    expect(answer).toMatchObject({ status: 200, isWhole: false });
  });

  itsOwn('as a stream of events gets an event of the error and no end', async () => {
    const { answer } = await outcome(beginning(events, chunk('data: one\n\n')), env);
    expect(answer.body).toMatch(/^data: one\n\n[\s\S]*data: .*request timeout.*\n\n$/);
    expect(answer.body).not.toContain('[DONE]');
    expect(answer.isWhole).toBe(false);
  });

  itsOwn('in the middle of an event gets none', async () => {
    const { answer } = await outcome(beginning(events, chunk('data: one\n\ndata: tw')), env);
    expect(answer).toMatchObject({ body: 'data: one\n\ndata: tw', isWhole: false });
  });

  itsOwn('over HTTP/2 has its stream reset, and its connection goes on', async () => {
    const app = await startH2App((stream, headers) => {
      stream.respond({ ':status': 200 });
      if (headers[':path'] === '/whole') stream.end('whole');
      else stream.write('half');
    });
    rig.onClose(() => app.close());
    const sidecar = await rig.start(app.port, { env });
    const session = await openSession(sidecar.url);
    rig.onClose(() => session.destroy());
    const cut = await answerOf(ask(session, {}));
    expect(cut.body).toBe('half');
    expect(cut.code).not.toBe(0);
    expect(await answerOf(ask(session, { ':path': '/whole' }))).toMatchObject({ body: 'whole', code: 0 });
  });
});

describe('an answer that the app breaks off is seen to be cut', () => {
  /** What a client gets of it. */
  const broken = (framing: string, body: string | Buffer) =>
    outcome(async (exchange) => {
      await beginning(framing, body)(exchange);
      await pause(100);
      exchange.reset();
    }, {});

  it('with chunks', async () => {
    const { answer } = await broken('transfer-encoding: chunked\r\n', chunk('half'));
    expect(answer).toMatchObject({ status: 200, body: 'half', isWhole: false });
  });

  // The original has not passed on so few bytes by then.
  itsOwn('of a known length', async () => {
    const { answer } = await broken('content-length: 100\r\n', 'half');
    expect(answer).toMatchObject({ status: 200, body: 'half', isWhole: false });
  });
});
