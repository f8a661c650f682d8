import { KubeError } from '../../kube/api.ts';
import type { KubernetesDriverOptions } from './driver-options.ts';
import { lastLogLine } from './fault-log-line.ts';
import { detailed, type SilentExit, type Verdict } from './fault-verdict.ts';
import type { PodView } from './pod-view.ts';

/** What is known of the log of one exit. */
export interface CrashLine {
  /** Of the container, as in `SilentExit`. */
  readonly number: number;
  /** `nowMs` at which nobody waits for it any more. */
  readonly untilMs: number;
  /** Its last line; null: there is none, or it may not be read; undefined: it is being read. */
  text: string | null | undefined;
}

/** Where the lines of one pod are kept. */
export interface CrashLinePlace {
  /** By container, of its newest exit. */
  readonly lineByContainer: Map<string, CrashLine>;
  /** A line is known, or known not to be had. */
  onRead(): void;
}

/** From the moment in which the exit is seen: for so long a failed start may be held back for the sake of its reason. */
const readMs = 1_000;
const retryDeniedMs = 600_000;
/**
 * `limitBytes` counts from the first of the lines: a runtime writes at most 16 KiB as one line, so that the end of four is
 * within this.
 */
const tailLines = 4;
const limitBytes = 64 * 1024;

const unread: CrashLine = { number: 0, untilMs: 0, text: null };

/** Reads the last log lines of containers that crashed, where a Role allows it: once for each exit, and only while leading. */
export class CrashLogs {
  readonly #options: KubernetesDriverOptions;
  readonly #stop = new AbortController();
  /** When it was forbidden last, by namespace. */
  readonly #deniedAtMs = new Map<string, number>();

  constructor(options: KubernetesDriverOptions) {
    this.#options = options;
  }

  /** What is known of that exit; begins to read its log where nobody has. */
  lineOf(pod: PodView, exit: SilentExit, { lineByContainer, onRead }: CrashLinePlace): CrashLine {
    const known = lineByContainer.get(exit.container);
    if (known?.number === exit.number) return known;
    const { clock, leadership } = this.#options;
    if (!leadership.isLeader || this.#isDenied(pod.namespace) || this.#stop.signal.aborted) return unread;
    const line: CrashLine = {
      number: exit.number,
      untilMs: clock.nowMs() + readMs,
      text: undefined,
    };
    lineByContainer.set(exit.container, line);
    void this.#read(pod, exit, line).then(onRead);
    return line;
  }

  close(): void {
    this.#stop.abort(new Error('the driver is closed'));
  }

  /** Never rejects: what went wrong is told to the driver's owner. */
  async #read(pod: PodView, exit: SilentExit, line: CrashLine): Promise<void> {
    try {
      line.text = lastLogLine(await this.#logOf(pod, exit, line.untilMs));
    } catch (error) {
      line.text = null;
      if (!this.#stop.signal.aborted) this.#failed(pod, error);
    }
  }

  /**
   * That of the run before the current one; where there was none (400), of the current one, which has ended. The other way
   * round where the current one is a later one than the first and has ended: the run before it is another exit's.
   */
  async #logOf(pod: PodView, exit: SilentExit, untilMs: number): Promise<string> {
    const isPrevious = !exit.isCurrent || exit.number === 1;
    try {
      return await this.#get(pod, { container: exit.container, isPrevious, untilMs });
    } catch (error) {
      if (!(error instanceof KubeError && error.status === 400)) throw error;
      return await this.#get(pod, { container: exit.container, isPrevious: !isPrevious, untilMs });
    }
  }

  #get(
    { namespace, name }: PodView,
    run: { readonly container: string; readonly isPrevious: boolean; readonly untilMs: number },
  ): Promise<string> {
    const { api, clock } = this.#options;
    const query = new URLSearchParams({
      container: run.container,
      tailLines: `${tailLines}`,
      limitBytes: `${limitBytes}`,
      ...(run.isPrevious ? { previous: 'true' } : {}),
    });
    const pod = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}`;
    return api.text({
      path: `${pod}/log?${query}`,
      timeoutMs: Math.max(0, run.untilMs - clock.nowMs()),
      // The server may send slightly more than it was asked for.
      maxBytes: 2 * limitBytes,
      signal: this.#stop.signal,
    });
  }

  #failed({ namespace, name }: PodView, error: unknown): void {
    const isDenied = error instanceof KubeError && error.status === 403;
    const wasDenied = this.#deniedAtMs.has(namespace);
    if (isDenied) this.#deniedAtMs.set(namespace, this.#options.clock.nowMs());
    if (!isDenied || !wasDenied) this.#options.onUnreadLog({ namespace, pod: name, isDenied, error });
  }

  #isDenied(namespace: string): boolean {
    const atMs = this.#deniedAtMs.get(namespace);
    return atMs !== undefined && this.#options.clock.nowMs() < atMs + retryDeniedMs;
  }
}

/** The verdict with that line at its end; one that would fail a start waits for it, until `untilMs` at the latest. */
export function verdictWithLine(judged: Verdict, line: CrashLine, nowMs: number): Verdict {
  if (line.text === null) return judged;
  if (line.text !== undefined) return detailed(judged, line.text);
  const leftMs = line.untilMs - nowMs;
  return judged.isTerminal && leftMs > 0 ? { ...judged, isTerminal: false, dueInMs: leftMs } : judged;
}
