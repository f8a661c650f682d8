import type { ModelSettings } from '../config/settings.ts';
import type { Cancel, Clock } from '../core/clock.ts';

/** A revision as a rollout sees it. */
export interface Candidate {
  /** `cold`, `starting`, `ready`, `draining`, `failed`, `paused`; `held`: it was not even started. */
  readonly state: string;
  readonly readyReplicas: number;
  /** Its last start failed, and none became ready since. */
  readonly hasFailed: boolean;
  readonly settings: ModelSettings;
  start(): void;
  /** What an operator may do to it. */
  readonly activator: { warm(): void; stop(): void; pause(): void; resume(): void };
}

const awayStates = ['held', 'cold', 'asleep', 'failed', 'draining', 'paused'];

/** Whether a revision in this state serves nobody and is not about to: another may take its place at once. Pure. */
export function isAway({ state }: Pick<Candidate, 'state'>): boolean {
  return awayStates.includes(state);
}

/** What is seen of a revision. */
type Facts = Pick<Candidate, 'state' | 'readyReplicas' | 'hasFailed'>;

/**
 * Whether the next revision takes the place of the one in service now. Pure.
 *
 * | in service | next: starting | next: ready | next: failed |
 * |---|---|---|---|
 * | starting, ready | no | when it has as many ready as it always keeps, or as are ready now | no |
 * | cold, draining, paused | yes | yes | no: the old one can be woken again |
 * | failed | yes | yes | yes: neither serves, and the next one is what was asked for |
 *
 * Past its startup time (`isOverdue`) the next one need not have more than one ready.
 */
export function takesOver(
  current: Facts,
  next: Facts,
  { minReplicas, isOverdue }: { minReplicas: number; isOverdue: boolean },
): boolean {
  const enough = Math.min(minReplicas, current.readyReplicas);
  const isReady = next.state === 'ready' && next.readyReplicas > 0;
  if (isReady && (isOverdue || next.readyReplicas >= enough)) return true;
  return isAway(current) && (!next.hasFailed || current.state === 'failed');
}

/** What a rollout works with. */
export interface RolloutOptions<Revision extends Candidate> {
  readonly clock: Clock;
  /** The one in service. */
  current(): Revision;
  /** It is the next one's turn: `take` it out and put it in service. */
  onDue(): void;
  /** Its startup time has passed and it neither became ready nor failed. */
  onOverdue(next: Revision): void;
}

/** Start first, take over when ready: the revision that is to follow the one in service, while it starts. */
export class Rollout<Revision extends Candidate> {
  readonly #options: RolloutOptions<Revision>;
  #next: Revision | null = null;
  #isOverdue = false;
  #cancelDeadline: Cancel | null = null;
  #cancelRetry: Cancel | null = null;

  constructor(options: RolloutOptions<Revision>) {
    this.#options = options;
  }

  /** Who is to follow; null: nobody. */
  get next(): Revision | null {
    return this.#next;
  }

  /** Starts a revision; nobody else may be on the way. */
  begin(next: Revision): void {
    const { clock } = this.#options;
    this.#next = next;
    this.#cancelDeadline = clock.setTimer(clock.nowMs() + next.settings.revision.ready.startupMs, () => {
      this.#isOverdue = true;
      if (!next.hasFailed && next.readyReplicas === 0) this.#options.onOverdue(next);
      this.review();
    });
    next.start();
    next.activator.warm();
  }

  /** Takes it out, whatever it is doing. */
  take(): Revision | null {
    const next = this.#next;
    this.#cancelDeadline?.();
    this.#cancelRetry?.();
    this.#next = null;
    this.#isOverdue = false;
    return next;
  }

  /** Something of either has changed. */
  review(): void {
    const next = this.#next;
    if (next === null) return;
    const minReplicas = next.settings.revision.scale.min;
    if (takesOver(this.#options.current(), next, { minReplicas, isOverdue: this.#isOverdue }))
      this.#options.onDue();
  }

  /** A start of the next one failed: it is tried again after this time. */
  failed(retryInMs: number): void {
    const { clock } = this.#options;
    this.#cancelRetry?.();
    this.#cancelRetry = clock.setTimer(clock.nowMs() + retryInMs, () => this.warm());
  }

  /** While the one in service sleeps, nothing is tried: whoever wakes it wakes the next one too. */
  warm(): void {
    if (!isAway(this.#options.current())) this.#next?.activator.warm();
  }
}
