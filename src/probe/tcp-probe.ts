import { connect } from 'node:net';
import type { ProbeResult } from '../core/prober.ts';
import type { TimedQuestion } from './question.ts';

/** Ready as soon as the port of the origin accepts a connection, which is closed again. Rejects only for a bad URL. */
export async function probeTcp({ origin, ready, clock, signal }: TimedQuestion): Promise<ProbeResult> {
  const { hostname, port, protocol } = new URL(origin);
  const host = hostname.replace(/^\[|\]$/g, '');
  const address = { host, port: Number(port || (protocol === 'https:' ? 443 : 80)) };
  const name = `tcp ${hostname}:${address.port}`;
  const result = Promise.withResolvers<ProbeResult>();
  const end = (state: ProbeResult['state'], what: string) => {
    result.resolve({ state, detail: `${name}: ${what}` });
    socket.destroy();
  };
  const socket = connect(address);
  const cancelTimer = clock.setTimer(clock.nowMs() + ready.timeoutMs, () =>
    end('unreachable', `no connection in ${ready.timeoutMs} ms`),
  );
  const onAbort = () => end('unreachable', 'aborted');
  signal.addEventListener('abort', onAbort, { once: true });
  socket.once('connect', () => end('ready', 'accepts connections'));
  socket.on('error', (error: NodeJS.ErrnoException) => end('unreachable', error.code ?? error.message));
  try {
    return await result.promise;
  } finally {
    cancelTimer();
    signal.removeEventListener('abort', onAbort);
  }
}
