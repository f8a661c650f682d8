import type { Clock } from '../core/clock.ts';
import type { GateControl } from '../core/gate.ts';
import type { MeasuredRung, Rung, Sleeper } from '../core/ladder.ts';
import type { LoadGauge } from '../core/load-gauge.ts';
import type { SleepDecision } from '../core/scaling.ts';
import type { OnActivationEvent } from './events.ts';
import { GaugeCheck } from './gauge-check.ts';
import type { Replica } from './replica.ts';
import type { Ladder, SleepListener } from './replica-host.ts';
import type { ReplicaList } from './replica-list.ts';
import type { Scaler } from './scaler.ts';
import type { ActivationSettings } from './settings.ts';
import { SleepBackOff } from './sleep-back-off.ts';
import type { Woken } from './sleep-view.ts';
import { WakeHistory } from './wake-history.ts';

/** What moves the replicas of a revision on its ladder. */
export interface SlumberOptions {
  readonly clock: Clock;
  readonly gate: GateControl;
  readonly gauge: LoadGauge | null;
  list(): ReplicaList;
  settings(): ActivationSettings;
  /** Of the settings of the moment, asked for when their ladder has changed; null: there is nobody. */
  sleeper(): Sleeper | null;
  /** How long a cold start takes, by the median of past ones; null: none is known. */
  startMs(): number | null;
  /** Whether a replica may be put to sleep as far as this gateway's place in its group, and its sight of them, go. */
  mayLower(): boolean;
  /** Who decides: told of vetoes, and of what has changed. */
  scaler(): Pick<Scaler, 'veto' | 'reconcile'>;
  /** No replica takes requests and none is about to: what there is sleeps. */
  onAsleep(): void;
  onWaking(): void;
  /** It could not be woken in any way. */
  onLost(replica: Replica, reason: string): void;
  onEvent: OnActivationEvent;
}

/** An unmeasured wake gets at least this, and a measured one so many times what it takes. */
const leastWakeLimitMs = 10_000;
const wakeLimitFactor = 4;

/** Puts replicas to sleep and wakes them as the decisions say, and learns how long that takes. */
export class Slumber implements SleepListener {
  readonly wakes = new WakeHistory();
  readonly #options: SlumberOptions;
  readonly #gauges: GaugeCheck;
  readonly #backOff = new SleepBackOff();
  /** Those whose gauges are asked before they sleep. */
  readonly #asked = new Set<string>();
  #ladder: Ladder | null = null;
  /** Those of the settings, and their text: settings that say the same come as new objects. */
  #rungs: readonly Rung[] = [];
  #text = '';

  constructor(options: SlumberOptions) {
    this.#options = options;
    this.#gauges = new GaugeCheck({
      gauge: options.gauge,
      isAsked: () => options.settings().asksGauge,
      onBusy: (_replica, running) => {
        this.#forgetAsked();
        options.scaler().veto(running);
      },
      onFree: () => options.scaler().reconcile(),
    });
  }

  /** The ladder of the moment, the same object until it changes. */
  get ladder(): Ladder | null {
    const rungs = this.#options.settings().ladder;
    if (rungs === this.#rungs) return this.#ladder;
    const text = JSON.stringify(rungs);
    if (text !== this.#text) {
      const sleeper = rungs.length === 0 ? null : this.#options.sleeper();
      this.#ladder = sleeper && { rungs, sleeper };
    }
    this.#rungs = rungs;
    this.#text = text;
    return this.#ladder;
  }

  /** Whether nobody takes requests or is about to, and somebody sleeps. */
  get isResting(): boolean {
    const list = this.#options.list();
    return list.asleep.length > 0 && list.in('starting', 'ready', 'suspect', 'waking').length === 0;
  }

  /** What a decision is told of the ladder; absent: there is none. */
  get facts(): { readonly ladder?: readonly MeasuredRung[] } {
    const { ladder } = this;
    if (ladder === null) return {};
    const measured = (name: string) => this.wakes.learned(name)?.medianMs ?? null;
    return { ladder: ladder.rungs.map((rung) => ({ ...rung, wakeMs: measured(rung.name) })) };
  }

  /** How long one way of waking may take: longer than a cold start does not pay, nor much longer than it took so far. */
  wakeLimitMs(rung: string): number {
    const { startupMs } = this.#options.settings().ready;
    const known = this.wakes.learned(rung);
    const expectedMs =
      known === null ? (this.#options.startMs() ?? startupMs / 4) : wakeLimitFactor * known.lateMs;
    return Math.min(startupMs, Math.max(leastWakeLimitMs, expectedMs));
  }

  /**
   * Wakes as many as are missing, the least deep first, or puts to sleep what need not be awake. Absent: there is no ladder
   * (any more). Returns when to ask again, `nowMs`; null: when something changes.
   */
  follow(decision: SleepDecision = { awake: Number.POSITIVE_INFINITY, rung: null }): number | null {
    const list = this.#options.list();
    if (this.ladder === null && list.asleep.length === 0) return null;
    const wanted = list.in('asleep', 'dozing').length - list.asleep.length;
    const up = list.in('starting', 'ready', 'waking').length + wanted;
    const missing = decision.awake - up;
    if (missing > 0) for (const replica of leastDeep(list).slice(0, missing)) replica.wake();
    if (decision.rung === null || !this.#options.mayLower()) {
      this.#forgetAsked();
      return null;
    }
    return this.#lay(decision.rung, -missing);
  }

  /** Another gateway may have moved them. */
  doubt(): void {
    for (const replica of this.#options.list().all) replica.doubt();
  }

  /** Wakes all that sleep, whatever was decided. */
  wakeAll(): void {
    for (const replica of this.#options.list().all) replica.wake();
  }

  close(): void {
    this.#gauges.close();
  }

  onDozing({ id }: Replica): void {
    this.#gauges.forget(id);
    this.#asked.delete(id);
    this.#rested();
  }

  onAsleep(replica: Replica, isNew: boolean): void {
    const rung = replica.sleep.rungName ?? '';
    this.#rested();
    if (!isNew) return;
    this.#backOff.succeed(rung);
    this.#options.onEvent({ type: 'asleep', replicaId: replica.id, rung });
    this.#options.scaler().reconcile();
  }

  onSleepFailed({ id }: Replica, rung: string, reason: string): void {
    const retryInMs = this.#backOff.fail(rung, this.#options.clock.nowMs());
    this.#options.onEvent({ type: 'sleep-failed', replicaId: id, rung, reason, retryInMs });
    this.#options.scaler().reconcile();
  }

  onWaking(): void {
    this.#options.onWaking();
  }

  onAwake({ id }: Replica, { rung, wakeMs, isLearned }: Woken): void {
    if (isLearned) this.wakes.add(rung, wakeMs);
    this.#options.onEvent({ type: 'awake', replicaId: id, rung, wakeMs });
  }

  onWakeFailed(replica: Replica, failure: { rung: string; reason: string; next: string | null }): void {
    this.#options.onEvent({ type: 'wake-failed', replicaId: replica.id, ...failure });
    if (failure.next === null) this.#options.onLost(replica, failure.reason);
  }

  #rested(): void {
    if (this.isResting) this.#options.onAsleep();
  }

  /** `surplus` of those that are awake, and those on shallower rungs, go down to this one. */
  #lay(rung: number, surplus: number): number | null {
    const { ladder } = this;
    const name = ladder?.rungs[rung]?.name;
    if (ladder === null || name === undefined) return null;
    const againAtMs = this.#backOff.untilMs(name);
    if (againAtMs > this.#options.clock.nowMs()) return againAtMs;
    const list = this.#options.list();
    const isShallower = ({ sleep }: Replica) => sleep.ladder === ladder && (sleep.rung ?? rung) < rung;
    for (const replica of list.in('asleep').filter(isShallower)) replica.fallAsleep(rung);
    const idle = list.in('ready').filter(({ id }) => this.#options.gate.inFlightOf(id) === 0);
    for (const replica of idle.slice(0, Math.max(0, surplus)))
      if (this.#isFree(replica)) replica.fallAsleep(rung);
    return null;
  }

  #isFree(replica: Replica): boolean {
    if (!this.#asked.has(replica.id)) this.#gauges.add([replica]);
    this.#asked.add(replica.id);
    return this.#gauges.isFree(replica);
  }

  #forgetAsked(): void {
    for (const id of this.#asked) this.#gauges.forget(id);
    this.#asked.clear();
  }
}

/** Those that sleep, in the order in which they are woken: the deepest last, and those that are only on their way. */
function leastDeep(list: ReplicaList): readonly Replica[] {
  const depth = ({ state, sleep }: Replica) => (sleep.rung ?? 0) + (state === 'dozing' ? 0.5 : 0);
  return list.asleep.toSorted((a, b) => depth(a) - depth(b));
}
