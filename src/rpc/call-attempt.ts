import type { Permit } from '../admission/permit.ts';
import type { ModelEntry } from '../arrival.ts';
import { PilotlightError } from '../core/errors.ts';
import type { ReplicaReport } from '../core/gate.ts';
import type { Watchdog, Watched } from '../forward/watchdog.ts';
import type { HeldRequest } from '../relay/traffic.ts';

/** One request at one replica. */
export interface CallAttemptOptions {
  readonly permit: Permit;
  readonly entry: ModelEntry;
  readonly request: HeldRequest;
  readonly watchdog: Watchdog;
  /** `nowMs` from which `timeouts.total` counts. */
  readonly arrivedAtMs: number;
  readonly nowMs: number;
  onTimeout(error: PilotlightError): void;
}

/**
 * A slot in use: holds the attempt to the timeouts of its model until `end`. `idle` begins with the head, and bytes either
 * way end it, since a stream of gRPC may go one way only for long. A replica that still waits for its client is silent, but
 * it does not stall.
 */
export class CallAttempt implements Watched {
  slot = -1;
  readonly #options: CallAttemptOptions;
  #hasHead = false;
  #isStallWatched = false;
  #isOver = false;
  #lastByteAtMs: number;

  constructor(options: CallAttemptOptions) {
    this.#options = options;
    this.#lastByteAtMs = options.nowMs;
    options.watchdog.add(this);
  }

  get replicaId(): string {
    return this.#options.permit.replicaId;
  }

  /** The head of the answer came. */
  headed(nowMs: number): void {
    this.#hasHead = true;
    this.heard(nowMs);
  }

  /** Bytes of the answer came. */
  heard(nowMs: number): void {
    this.#lastByteAtMs = nowMs;
    this.#options.entry.stallWatch.heard(this.replicaId, nowMs);
  }

  /** Bytes of the request went. */
  sent(nowMs: number): void {
    this.#lastByteAtMs = nowMs;
  }

  check(nowMs: number): void {
    const { entry, request, arrivedAtMs } = this.#options;
    if (!this.#isStallWatched && request.isUploaded) {
      this.#isStallWatched = true;
      entry.stallWatch.began(this.replicaId, nowMs);
    }
    const { firstByteMs, totalMs, idleMs } = entry.settings.revision.timeouts;
    const isPast = (limitMs: number, sinceMs: number) => limitMs > 0 && nowMs - sinceMs > limitMs;
    if (isPast(totalMs, arrivedAtMs)) this.#timeOut('total', totalMs);
    else if (!this.#hasHead && isPast(firstByteMs ?? 0, this.#options.nowMs))
      this.#timeOut('firstByte', firstByteMs!);
    else if (this.#hasHead && isPast(idleMs, this.#lastByteAtMs)) this.#timeOut('idle', idleMs);
  }

  #timeOut(name: string, limitMs: number): void {
    const message = `backend timed out: timeouts.${name} is ${limitMs} ms`;
    this.#options.onTimeout(new PilotlightError('backend_timeout', message));
  }

  /** Gives the slot back; `report` is told of the replica before, null: it was cut from this side. Idempotent. */
  end(report: ReplicaReport | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { watchdog, entry, permit } = this.#options;
    watchdog.delete(this);
    if (this.#isStallWatched) entry.stallWatch.ended(permit.replicaId);
    // Before the slot is free, or the next in line might get it from a replica that is about to be suspended.
    if (report !== null) entry.report(permit.replicaId, report);
    // What was cut is reset by the lane in the next turn: the next call must not reach the backend before that.
    if (report === null) setImmediate(() => permit.release());
    else permit.release();
  }
}
