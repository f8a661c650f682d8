import { setTimeout as pause } from 'node:timers/promises';
import type { ContainerSpec, ProbeSpec } from './pod-object.ts';
import { probeFailure } from './probe.ts';
import type { Script } from './script.ts';

/** A container that runs, and who is told of it. */
export interface ProbedContainer {
  readonly container: ContainerSpec;
  readonly address: string;
  script(): Script;
  /** Its startup probe has passed. */
  onStarted(): Promise<void>;
  /** It is ready from now on, or not any more. */
  onReady(isReady: boolean): Promise<void>;
  /** After each probe that failed, with its words. */
  onFailure(words: string): Promise<void>;
}

/**
 * Probes for as long as the container runs: its startup probe until that has passed, then its readiness probe. Ready after
 * successThreshold (1) successes in a row, unready again after failureThreshold (3) failures in a row. Never resolves;
 * rejects with the signal's reason.
 */
export async function keepProbing(probed: ProbedContainer, signal: AbortSignal): Promise<never> {
  const { startupProbe, readinessProbe } = probed.container;
  if (startupProbe !== undefined) {
    while (!(await hasPassed(probed, { kind: 'Startup', probe: startupProbe }, signal))) {
      await pause(periodMs(startupProbe, probed.script()), undefined, { signal });
    }
    await probed.onStarted();
  }
  if (readinessProbe === undefined) {
    await probed.onReady(true);
    return await untilAborted(signal);
  }
  return await keepReadiness(probed, readinessProbe, signal);
}

async function keepReadiness(probed: ProbedContainer, probe: ProbeSpec, signal: AbortSignal): Promise<never> {
  const { successThreshold = 1, failureThreshold = 3 } = probe;
  let isReady = false;
  let successes = 0;
  let failures = 0;
  for (;;) {
    const isPassed = await hasPassed(probed, { kind: 'Readiness', probe }, signal);
    successes = isPassed ? successes + 1 : 0;
    failures = isPassed ? 0 : failures + 1;
    if (isReady ? failures >= failureThreshold : successes >= successThreshold) {
      isReady = !isReady;
      await probed.onReady(isReady);
    }
    await pause(periodMs(probe, probed.script()), undefined, { signal });
  }
}

async function hasPassed(
  probed: ProbedContainer,
  { kind, probe }: { readonly kind: 'Startup' | 'Readiness'; readonly probe: ProbeSpec },
  signal: AbortSignal,
): Promise<boolean> {
  const isUnready = kind === 'Readiness' && probed.script().isUnready;
  const failure = isUnready
    ? 'HTTP probe failed with statuscode: 503'
    : await probeFailure(probe, probed, signal);
  if (failure !== null) await probed.onFailure(`${kind} probe failed: ${failure}`);
  return failure === null;
}

function periodMs({ periodSeconds = 10 }: ProbeSpec, { probeMs }: Script): number {
  return probeMs || periodSeconds * 1_000;
}

/** Rejects with the signal's reason, when it is aborted. */
export async function untilAborted(signal: AbortSignal): Promise<never> {
  signal.throwIfAborted();
  return await new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
