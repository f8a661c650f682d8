import { once } from 'node:events';
import { type ClientHttp2Session, connect, createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { freePorts, SidecarProgram } from '../sidecar-unit/program.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** An app that speaks HTTP/2 alone: its first request is held until `release`, of each it streams the body's length. */
async function startApp() {
  const held = Promise.withResolvers<ServerHttp2Stream>();
  let isFirst = true;
  const server = createServer();
  server.on('stream', (stream: ServerHttp2Stream) => {
    if (isFirst) {
      isFirst = false;
      held.resolve(stream);
      return;
    }
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      const body = Buffer.concat(chunks);
      stream.respond({ ':status': 200, 'content-type': 'text/event-stream' });
      stream.end(`data: ${body.length} ${JSON.parse(body.toString()).stream}\n\n`);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => server.close());
  return { port: (server.address() as AddressInfo).port, first: held.promise };
}

async function startSidecar(port: number): Promise<ClientHttp2Session> {
  const program = new SidecarProgram({
    ...freePorts,
    USER_PORT: String(port),
    CONTAINER_CONCURRENCY: '1',
    PILOTLIGHT_HEARTBEAT: '50ms',
  });
  closers.push(async () => {
    program.kill('SIGKILL');
    await program.ended;
  });
  const session = connect(`http://127.0.0.1:${(await program.ports()).serving}`);
  closers.push(() => session.destroy());
  return session;
}

function post(session: ClientHttp2Session, body: string) {
  const stream = session.request({
    ':method': 'POST',
    ':path': '/v1/chat/completions',
    'content-type': 'application/json',
  });
  let text = '';
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const closed = once(stream, 'close');
  stream.end(body);
  return { closed, text: () => text };
}

describe('one who waits over HTTP/2', () => {
  it.each([10, 300_000])(
    'gets comments, and the app all of its body, with a prompt of %i bytes',
    async (size) => {
      const app = await startApp();
      const session = await startSidecar(app.port);
      const first = post(session, '{}');
      const holding = await app.first;
      const body = JSON.stringify({ stream: true, prompt: 'x'.repeat(size) });
      const second = post(session, body);
      await expect
        .poll(second.text, { timeout: 10_000 })
        .toContain(': pilotlight position=1 phase="waiting"\n\n');
      holding.respond({ ':status': 204 }, { endStream: true });
      await Promise.all([first.closed, second.closed]);
      expect(second.text()).toMatch(new RegExp(`\n\ndata: ${body.length} true\n\n$`));
    },
  );
});
