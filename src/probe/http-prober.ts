import { type Clock, systemClock } from '../core/clock.ts';
import type { ProbeResult, Prober } from '../core/prober.ts';
import { probeGrpc } from './grpc-probe.ts';
import { probeHttp } from './http-probe.ts';
import type { ProbeQuestion } from './question.ts';
import { probeTcp } from './tcp-probe.ts';
import { sendWarmUp, type WarmUpQuestion } from './warm-up-request.ts';

export interface ProberOptions {
  /** For the limit of a probe. Default: the system's. */
  readonly clock?: Clock;
}

/**
 * Probes over a fresh connection each time: one kept alive would say nothing of whether new ones are accepted, and
 * could be closed by the backend at the moment of the request. `close` ends the probes under way as unreachable, and what
 * warms a replica.
 */
export function createProber({
  clock = systemClock,
}: ProberOptions = {}): Prober & { close(): Promise<void> } {
  const closing = new AbortController();
  const underWay = new Set<Promise<unknown>>();
  const tracked = async <Result>(
    signal: AbortSignal,
    ask: (ended: AbortSignal) => Promise<Result>,
  ): Promise<Result> => {
    signal.throwIfAborted();
    const asked = ask(AbortSignal.any([signal, closing.signal]));
    underWay.add(asked);
    const result = await asked;
    underWay.delete(asked);
    signal.throwIfAborted();
    return result;
  };
  return {
    probe: (origin, ready, signal) =>
      tracked(signal, (ended) => probeOnce({ origin, ready, clock, signal: ended })),
    warm: (origin, warmUp, signal) =>
      tracked(signal, (ended) => warmOnce({ origin, warmUp, clock, signal: ended })),
    async close() {
      closing.abort();
      await Promise.all(underWay);
    },
  };
}

async function warmOnce(question: WarmUpQuestion): Promise<string | null> {
  try {
    return await sendWarmUp(question);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function probeOnce(question: ProbeQuestion): Promise<ProbeResult> {
  const { ready, signal } = question;
  try {
    if (signal.aborted) return { state: 'unreachable', detail: 'the prober is closed' };
    if (ready.kind === 'http') return await probeHttp(question);
    if (ready.kind === 'tcp') return await probeTcp(question);
    if (ready.kind === 'grpc') return await probeGrpc(question);
    return { state: 'ready', detail: 'no probe' };
  } catch (error) {
    // An origin, path or header that cannot be sent: the check of the configuration should have found it.
    return { state: 'unreachable', detail: error instanceof Error ? error.message : String(error) };
  }
}
