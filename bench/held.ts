import type { Lab, Target, TargetName } from './lab.ts';
import { memoryBytes, untilQuiet } from './proc.ts';
import { type Outcome, setReady, startTargets } from './scenario.ts';

/** What requests that waited did to a proxy. */
export interface HeldResult {
  readonly name: TargetName;
  /** Resident memory gained while all wait. */
  readonly waitingGrowthBytes: number;
  /** The peak of the whole run, the answering included, over the idle start. */
  readonly peakGrowthBytes: number;
  readonly drainMs: number;
  readonly answered: number;
}

/** How they ended. */
interface LoadResult {
  readonly answered: number;
  readonly failed: number;
  readonly drainMs: number;
  readonly reason: string;
}

/** So many requests of so many bytes, through a limit. */
export interface HeldLoad {
  readonly count: number;
  readonly bodyBytes: number;
  readonly concurrency: number;
}

/**
 * Sends requests to a fresh proxy while its backend is not ready, lets them wait, makes the backend ready and waits
 * for all answers. Null, with a note, when the proxy is not available.
 */
export async function hold(
  lab: Lab,
  name: 'go' | 'pilotlight',
  options: HeldLoad & { readonly outcome: Outcome },
): Promise<HeldResult | null> {
  const { count, bodyBytes, concurrency, outcome } = options;
  const backend = await lab.startStub();
  await setReady(backend, -1);
  const started = await startTargets(lab, [name], {
    backendPort: backend.port,
    concurrency,
    outcome,
    minReplicas: 0,
  });
  const [target] = started;
  if (target?.child == null) {
    await backend.child?.stop();
    return null;
  }
  const { pid } = target.child;
  await untilQuiet(pid);
  const idleBytes = memoryBytes(pid).residentBytes;
  let waitingBytes = Promise.resolve(Number.NaN);
  const result = await sendHeld(lab, { target, count, bodyBytes }, () => {
    waitingBytes = untilQuiet(pid).then(() => memoryBytes(pid).residentBytes);
    // A failure shows where waitingBytes is awaited.
    void waitingBytes.then(
      () => setReady(backend, 0),
      () => undefined,
    );
  });
  const { peakBytes } = memoryBytes(pid);
  await Promise.all([target.child.stop(), backend.child?.stop()]);
  if (result.failed > 0) {
    outcome.notes.push(`${name}: ${result.failed} of ${count} were not answered: ${result.reason}`);
  }
  return {
    name,
    waitingGrowthBytes: (await waitingBytes) - idleBytes,
    peakGrowthBytes: peakBytes - idleBytes,
    drainMs: result.drainMs,
    answered: result.answered,
  };
}

/** Sends so many requests at once, each over its own connection; `onSent` comes when all bodies were written. */
export async function sendHeld(
  lab: Lab,
  load: {
    readonly target: Target;
    readonly count: number;
    readonly bodyBytes: number;
    readonly path?: string;
  },
  onSent?: () => void,
): Promise<LoadResult> {
  const flags = ['-count', `${load.count}`, '-bytes', `${load.bodyBytes}`];
  if (load.path !== undefined) flags.push('-path', load.path);
  const argv = [lab.compiled().load, 'held', '-address', `127.0.0.1:${load.target.port}`, ...flags];
  const output = await lab.children.output({ name: 'load', argv, cpu: 1 }, (line) => {
    if (line === 'sent') onSent?.();
  });
  return JSON.parse(output.slice(output.indexOf('{'))) as LoadResult;
}
