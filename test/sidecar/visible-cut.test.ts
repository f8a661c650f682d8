import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect } from 'vitest';
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
async function outcome(script: Script, env: Record<string, string>) {
  const app = await rig.app(script);
  await rig.start(app, { env });
  const client = rig.client().write(rawRequest('/', 'x'));
  const end = await client.closed();
  await app.exchanges[0]!.closed();
  return { end, text: client.text };
}

// The original puts the words into the body and ends it as if it was whole.
describe.each(timeouts)('an answer that is cut by the timeout %s', (_, env) => {
  itsOwn('with chunks has no last chunk, and its connection is reset', async () => {
    const { end, text } = await outcome(beginning('transfer-encoding: chunked\r\n', chunk('half')), env);
    expect(text).toMatch(/half\r\n$/);
    expect(end).toBe('reset');
  });

  itsOwn('of a known length is shorter', async () => {
    const { end, text } = await outcome(beginning('content-length: 100\r\n', 'half'), env);
    expect(text).toMatch(/\r\n\r\nhalf$/);
    expect(end).toBe('reset');
  });

  itsOwn('without framing is reset as well', async () => {
    const { end, text } = await outcome(beginning('', 'half'), env);
    expect(text).toContain('half');
    expect(text).not.toMatch(/\r\n0\r\n\r\n$/);
    expect(end).toBe('reset');
  });

  itsOwn('as a stream of events gets an event of the error and no end', async () => {
    const { end, text } = await outcome(beginning(events, chunk('data: one\n\n')), env);
    expect(text).toMatch(/data: one\n\n[\s\S]*data: .*request timeout/);
    expect(text).not.toContain('[DONE]');
    expect(text).not.toMatch(/\r\n0\r\n\r\n$/);
    expect(end).toBe('reset');
  });

  itsOwn('in the middle of an event gets none', async () => {
    const { text } = await outcome(beginning(events, chunk('data: one\n\ndata: tw')), env);
    expect(text).not.toContain('request timeout');
    expect(text).not.toMatch(/\r\n0\r\n\r\n$/);
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

describe('an answer that the app breaks off', () => {
  itsOwn('as a stream of events is told of as well', async () => {
    const { text } = await outcome(async (exchange) => {
      await beginning(events, chunk('data: one\n\n'))(exchange);
      await pause(100);
      exchange.reset();
    }, {});
    expect(text).toMatch(/^HTTP\/1\.1 200[\s\S]*data: one\n\n/);
    expect(text).not.toMatch(/\r\n0\r\n\r\n$/);
  });
});
