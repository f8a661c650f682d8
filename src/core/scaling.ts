import type { KpaSettings } from './kpa.ts';
import type { MeasuredRung } from './ladder.ts';
import type { SignalMemory, SignalReadings, SignalSettings, SignalWish } from './signals.ts';

/**
 * Sums since the gate began, which only grow: what lies between two readings is the difference, divided by the time
 * between them.
 */
export interface DemandTotals {
  /** Requests that got a slot or a place in the queue, each once. */
  readonly arrived: number;
  /** Stays that are over: answered, refused, gone, sent back; one that comes back begins another. */
  readonly ended: number;
  /** Milliseconds of waiting, of all requests together. */
  readonly waitingMs: number;
  /** Milliseconds of holding a slot, of all requests together. */
  readonly inFlightMs: number;
}

/** What a scaling decision looks at. Counts of the moment, taken by the caller. */
export interface Observed {
  readonly waiting: number;
  readonly inFlight: number;
  /** `nowMs` since which nothing waited or ran; null while something does. */
  readonly idleSinceMs: number | null;
  /** Replicas that take requests. */
  readonly ready: number;
  /** Replicas asked for and not ready yet, those that are being woken included. */
  readonly starting: number;
  /** Replicas on a rung of the ladder, or on their way there; absent: none. */
  readonly asleep?: number;
  /** Somebody asked for the model (a request, a warm-up) since the last decision. */
  readonly isWanted: boolean;
  /** Sums of the demand up to now. */
  readonly demand: DemandTotals;
  /** How long starts take, by the median of past ones; null: none is known. */
  readonly startMs: number | null;
  /** The count that somebody else asked for since the last decision: obeyed, also above max; absent: nobody did. */
  readonly askedByOthers?: number;
  /** Of the signals that the settings name; absent: they name none, or nothing is measured. */
  readonly signals?: SignalReadings;
}

/** A recurring window of time in which other limits hold. */
export interface ScheduleSettings {
  /** Five or six fields (seconds first), as of cron: when it begins. */
  readonly cron: string;
  /** IANA name, `Europe/Berlin`; summer time is followed. */
  readonly timeZone: string;
  /** How long it lasts. */
  readonly forMs: number;
  /** Replicas that are kept meanwhile; null: as outside of it. */
  readonly min: number | null;
  /** Most replicas meanwhile; null: as outside of it. */
  readonly max: number | null;
}

/** What a decision obeys of a model's `scale`. */
export interface ScaleSettings {
  /** Whose arithmetic decides: that of the moment's requests, or Knative's. */
  readonly policy: 'cost-aware' | 'kpa';
  /** Obeyed by the policy kpa. */
  readonly kpa: KpaSettings;
  readonly min: number;
  readonly max: number;
  /** 0 = never to zero. */
  readonly idleMs: number;
  /**
   * The idle time that is as dear as one cold start, where the time to zero is learned by it; null: it is `idleMs`, which
   * otherwise holds for the way down to a partial count.
   */
  readonly coldStartMs: number | null;
  /** A count that was raised stands at least so long; 0: as long as `idleMs` keeps it. */
  readonly minUpMs: number;
  /** A start so soon after a stop counts as one too many; at most `idleMs` by the policy cost-aware; 0: none does. */
  readonly thrashWindowMs: number;
  /** Replicas beyond those that the requests fill, while there are any. */
  readonly buffer: number;
  /** Replicas that may start at the same time; null: as many as are wanted. */
  readonly maxStarting: number | null;
  readonly schedules: readonly ScheduleSettings[];
  /** What beside the requests raises the count; absent: nothing does. */
  readonly signals?: SignalSettings;
  /** `external`: others own the count, and only 0 -> 1 is decided. */
  readonly owner: 'pilotlight' | 'external';
}

/** The settings a decision obeys. */
export interface ScaleSpec extends ScaleSettings {
  /** Per replica; 0 = no limit. */
  readonly concurrency: number;
  /** How long a replica may take to become ready. */
  readonly startupMs: number;
  /** To zero after that long without requests, which was learned; absent: after `idleMs`. */
  readonly toZeroMs?: number;
  /** The rungs between ready and stopped, the shallowest first; absent: there are none. */
  readonly ladder?: readonly MeasuredRung[];
  /** What the signals ask for, whatever the policy does; absent: nothing. */
  readonly signalled?: SignalWish;
  /** Idle times are so many times as long, since stops were followed by starts; absent: once. */
  readonly patience?: number;
}

/** What a decision leaves for the next one; the caller keeps it and never looks inside. */
export interface ScaleState {
  readonly desired: number;
  /** When the count last rose, for the minimum up time. */
  readonly raisedAtMs: number | null;
  /** The count that others asked for, while it stands above max; else 0. */
  readonly byOthers: number;
  /** Starts soon after a stop; absent: there was none, and no stop lately. */
  readonly thrash?: ThrashRecord;
  /** What the policy keeps besides; absent: nothing yet. */
  readonly memory?: PolicyMemory;
  /** With a ladder: when a replica last came up or was asked for; absent: not yet. */
  readonly upAtMs?: number;
  /** What the signals keep; absent: nothing yet. */
  readonly signals?: SignalMemory;
}

/** What is kept of starts soon after a stop. */
export interface ThrashRecord {
  /** When the count was lowered last, if it has not risen since; null otherwise. */
  readonly loweredAtMs: number | null;
  /** How often it rose soon after that; forgotten when none came for an hour. */
  readonly count: number;
  /** When it last did; null: not within the hour. */
  readonly lastAtMs: number | null;
}

/** The part of a state that is a policy's own: another policy takes none of it. */
export interface PolicyMemory {
  readonly policy: string;
}

/** Who of the desired replicas sleeps. */
export interface SleepDecision {
  /** So many must be awake: sleeping ones are woken until they are. */
  readonly awake: number;
  /** The rung that all others go down to, those on deeper ones stay; null: nobody is put to sleep. */
  readonly rung: number | null;
}

export interface Decision {
  readonly desired: number;
  /** Absent: there is no ladder. */
  readonly sleep?: SleepDecision;
  /** In one line, for people: `idle for 5m`. */
  readonly reason: string;
  readonly state: ScaleState;
  /** It asks for more so soon after it had asked for less: milliseconds between the two; absent: it does not. */
  readonly startedAgainAfterMs?: number;
  /** When it must be asked again although nothing changes; null: not. */
  readonly nextAtMs: number | null;
}

/** Pure: the same code decides in the gateway and in the simulator. */
export type Decide = (observed: Observed, spec: ScaleSpec, state: ScaleState, nowMs: number) => Decision;
