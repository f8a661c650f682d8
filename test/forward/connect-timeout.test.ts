import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { answerJson } from '../support/backend.ts';
import { ask, fixedModel, untilReplica, World } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

const script = `
  const server = require('http').createServer((req, res) => res.end('ok'));
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(server.address().port));
`;

/** A server that can be made to accept nothing more, as a machine does that hangs. */
async function hangingServer(): Promise<{ readonly url: string; hang(): Promise<void> }> {
  const child: ChildProcess = spawn(process.execPath, ['-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  world.onClose(async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  const [line] = (await once(child.stdout!, 'data')) as [Buffer];
  const port = Number(line.toString());
  const hang = async () => {
    child.kill('SIGSTOP');
    // The system accepts for it until its backlog is full; the next one gets no answer.
    for (let isFull = false; !isFull; ) {
      const socket: Socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      world.onClose(() => void socket.destroy());
      const patience = AbortSignal.timeout(300);
      isFull = await once(socket, 'connect', { signal: patience }).then(
        () => false,
        () => true,
      );
    }
  };
  return { url: `http://127.0.0.1:${port}`, hang };
}

describe.runIf(process.platform === 'linux')('a replica that accepts no connection', () => {
  it('is given up after timeouts.connect, and the request goes to another one', async () => {
    const hanging = await hangingServer();
    const other = await world.backend(answerJson);
    const first = Promise.withResolvers<void>();
    other.healthAfter = first.promise;
    const more = 'concurrency: 1\n    timeouts: { connect: 200ms }';
    const gateway = await world.gateway(fixedModel([hanging.url, other.url], more));
    await untilReplica(gateway, hanging.url, 'ready');
    first.resolve();
    await untilReplica(gateway, other.url, 'ready');
    await hanging.hang();
    const sentAtMs = performance.now();
    expect((await ask(gateway).whole()).status).toBe(200);
    expect(performance.now() - sentAtMs).toBeGreaterThan(150);
    expect(other.seen).toHaveLength(1);
  });

  it('is told as backend_unreachable when there is no other before the deadline', async () => {
    const hanging = await hangingServer();
    const more = 'queue: { timeout: 800ms }\n    timeouts: { connect: 200ms }';
    const gateway = await world.gateway(fixedModel([hanging.url], more));
    await untilReplica(gateway, hanging.url, 'ready');
    await hanging.hang();
    const { status, text } = await ask(gateway).whole();
    expect([status, JSON.parse(text)]).toMatchObject([502, { error: { code: 'backend_unreachable' } }]);
  });
});
