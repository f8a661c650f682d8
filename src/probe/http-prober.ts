import { type Clock, systemClock } from '../core/clock.ts';
import type { ProbeResult, Prober } from '../core/prober.ts';
import { probeHttp } from './http-probe.ts';
import type { ProbeQuestion } from './question.ts';
import { probeTcp } from './tcp-probe.ts';

export interface ProberOptions {
  /** For the limit of a probe. Default: the system's. */
  readonly clock?: Clock;
}

/**
 * Probes over a fresh connection each time: one kept alive would say nothing of whether new ones are accepted, and
 * could be closed by the backend at the moment of the request. `close` ends the probes under way as unreachable.
 */
export function createProber({
  clock = systemClock,
}: ProberOptions = {}): Prober & { close(): Promise<void> } {
  const closing = new AbortController();
  const underWay = new Set<Promise<ProbeResult>>();
  return {
    async probe(origin, ready, signal) {
      signal.throwIfAborted();
      const ended = AbortSignal.any([signal, closing.signal]);
      const probe = probeOnce({ origin, ready, clock, signal: ended });
      underWay.add(probe);
      const result = await probe;
      underWay.delete(probe);
      signal.throwIfAborted();
      return result;
    },
    async close() {
      closing.abort();
      await Promise.all(underWay);
    },
  };
}

async function probeOnce(question: ProbeQuestion): Promise<ProbeResult> {
  const { ready, signal } = question;
  try {
    if (signal.aborted) return { state: 'unreachable', detail: 'the prober is closed' };
    if (ready.kind === 'http') return await probeHttp(question);
    if (ready.kind === 'tcp') return await probeTcp(question);
    return { state: 'ready', detail: 'no probe' };
  } catch (error) {
    // An origin, path or header that cannot be sent: the check of the configuration should have found it.
    return { state: 'unreachable', detail: error instanceof Error ? error.message : String(error) };
  }
}
