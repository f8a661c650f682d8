import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const script = `
  const server = require('http').createServer((req, res) => res.end('ok'));
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(server.address().port));
`;

/** A server that can be made to accept nothing more, as a machine does that hangs. */
export async function hangingServer(
  onClose: (close: () => Promise<void> | void) => void,
): Promise<{ readonly url: string; hang(): Promise<void> }> {
  const child: ChildProcess = spawn(process.execPath, ['-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onClose(async () => {
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
      onClose(() => void socket.destroy());
      const patience = AbortSignal.timeout(300);
      isFull = await once(socket, 'connect', { signal: patience }).then(
        () => false,
        () => true,
      );
    }
  };
  return { url: `http://127.0.0.1:${port}`, hang };
}
