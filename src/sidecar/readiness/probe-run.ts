import type { ProbeQuestion } from '../../probe/question.ts';
import { probeTcp } from '../../probe/tcp-probe.ts';
import type { AppProbe } from '../settings.ts';
import { EitherHttp, tryHttp } from './http-try.ts';
import { type Attempt, failed, probeAgent, type Verdict } from './verdict.ts';

/** How an aggressive probe (periodSeconds 0) is polled: as often, each so long, all in all so long. */
const aggressive = { everyMs: 50, timeoutMs: 100, limitMs: 10_000 } as const;

/** Kubernetes' own default, for a probe with a period and no limit. */
const leastTimeoutSeconds = 1;

const agentHeaders = { 'user-agent': probeAgent } as const;

/** What a run needs beside the probe. */
export type RunContext = Omit<Attempt, 'timeoutMs'> & { readonly detectsHttp2: boolean };

/**
 * One probe of the app (serving/pkg/queue/readiness/probe.go). With a period it is tried once: periods and thresholds are the
 * kubelet's business, who asks as often as they say. With periodSeconds 0 it is polled until it has passed successThreshold
 * times in a row; a row goes on from one run to the next, so that an app that has been ready passes at the first success.
 * failureThreshold says nothing here, as in the original.
 */
export class ProbeRun {
  readonly #probe: AppProbe;
  readonly #context: RunContext;
  readonly #either: EitherHttp | null;
  #successes = 0;

  constructor(probe: AppProbe, context: RunContext) {
    this.#probe = probe;
    this.#context = context;
    this.#either = context.detectsHttp2 ? new EitherHttp() : null;
  }

  /** Rejects only with the signal's reason. */
  async run(): Promise<Verdict> {
    const { periodSeconds, timeoutSeconds } = this.#probe;
    if (periodSeconds === 0) return await this.#poll();
    return await this.#try(Math.max(leastTimeoutSeconds, timeoutSeconds) * 1000);
  }

  async #poll(): Promise<Verdict> {
    const { clock, signal } = this.#context;
    const endMs = clock.nowMs() + aggressive.limitMs;
    for (let tries = 1; ; tries++) {
      const startedMs = clock.nowMs();
      const verdict = await this.#try(aggressive.timeoutMs);
      this.#successes = verdict.isPassed ? this.#successes + 1 : 0;
      if (this.#successes >= this.#probe.successThreshold) return verdict;
      const nextMs = Math.max(clock.nowMs(), startedMs + aggressive.everyMs);
      if (nextMs >= endMs)
        return { ...verdict, isPassed: false, detail: `${verdict.detail} (${tries} tries)` };
      await clock.sleep(nextMs - clock.nowMs(), signal);
    }
  }

  async #try(timeoutMs: number): Promise<Verdict> {
    const { signal } = this.#context;
    const verdict = await this.#ask({ ...this.#context, timeoutMs });
    signal.throwIfAborted();
    return verdict;
  }

  async #ask(attempt: Attempt): Promise<Verdict> {
    const { kind, host, port } = this.#probe;
    if (kind === 'http')
      return await (this.#either?.try(this.#probe, attempt) ?? tryHttp(this.#probe, attempt));
    const { timeoutMs, clock, signal } = attempt;
    const origin = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
    const question = { origin, clock, signal };
    try {
      const { state, detail } = await (kind === 'tcp'
        ? probeTcp({ ...question, ready: { timeoutMs } })
        : this.#askGrpc(question, timeoutMs));
      return { isPassed: state === 'ready', isLoading: false, detail };
    } catch (error) {
      return failed(kind, error);
    }
  }

  async #askGrpc(question: Pick<ProbeQuestion, 'origin' | 'clock' | 'signal'>, timeoutMs: number) {
    const { probeGrpc } = await import('../../probe/grpc-probe.ts');
    const { service } = this.#probe;
    return await probeGrpc({ ...question, ready: { timeoutMs, service, headers: agentHeaders } });
  }
}
