/** Targets of signals beside the requests themselves; null: that one is not looked at. */
export interface SignalSettings {
  /** How long the oldest of those who wait may have waited. */
  readonly queueDelayMs: number | null;
  /** Requests that wait here, on average and per replica. */
  readonly waitingPerReplica: number | null;
  /** The mean time to the first token of streamed answers. */
  readonly firstTokenMs: number | null;
  /** What replicas say of themselves, per replica. */
  readonly backend: {
    readonly waiting: number | null;
    readonly running: number | null;
    /** From 0 to 1. */
    readonly kvCache: number | null;
  };
}

/** The names that configuration, reasons and metrics have for the signals. */
export const signalNames = [
  'queueDelay',
  'waitingPerReplica',
  'firstToken',
  'backend.waiting',
  'backend.running',
  'backend.kvCache',
] as const;

export type SignalName = (typeof signalNames)[number];

/** Sums over streamed answers that only grow: what lies between two readings is the difference. */
export interface FirstTokenTotals {
  /** Answers of which a first part came. */
  readonly count: number;
  /** Milliseconds from their arrivals to their first parts, without what they waited for a start. */
  readonly sumMs: number;
}

/** What a replica says of itself, whoever its requests come from; null: it does not say. */
export interface BackendLoad {
  /** Requests that wait in it. */
  readonly waiting: number | null;
  /** Requests that it works on. */
  readonly running: number | null;
  /** The used part of its KV cache, from 0 to 1. */
  readonly kvCache: number | null;
}

/** The same with `nowMs` at which it was asked for. */
export interface BackendReading extends BackendLoad {
  readonly atMs: number;
}

/** How often gauges are read, and the age from which a reading says nothing any more. */
export const gaugePace = { everyMs: 5_000, staleMs: 15_000 } as const;

/** What is observed for the signals that the settings name. */
export interface SignalReadings {
  /** How long the oldest of those who wait has waited; 0: nobody waits. */
  readonly oldestWaitMs: number;
  /** null: nobody measures it. */
  readonly firstTokens: FirstTokenTotals | null;
  /** The last reading of each ready replica that there is one of; empty: nobody is asked. */
  readonly backends: readonly BackendReading[];
}

/** How many replicas a signal asks for. */
export interface SignalWish {
  readonly signal: SignalName;
  readonly count: number;
  /** In one line, for people: `3 by queue delay: 12s, target 5s`. */
  readonly reason: string;
}

/** What the signals keep between two decisions. */
export interface SignalMemory {
  /** `nowMs` since which all replicas that were asked for are ready; null: one starts, or there is none. */
  readonly settledAtMs: number | null;
  /** Readings of the totals, the older first: the window begins at the first of them. Empty: none was taken since. */
  readonly firstTokenMarks: readonly (FirstTokenTotals & { readonly atMs: number })[];
  /** Readings of `DemandTotals.waitingMs`, in the same way; empty: no replica is ready. */
  readonly waitingMarks: readonly { readonly waitingMs: number; readonly atMs: number }[];
  /** What each says now; one that says nothing is left out. */
  readonly wishes: readonly SignalWish[];
  /** `nowMs` at which one asked for replicas last: whoever uses them, they are not idle then. null: never. */
  readonly wishedAtMs: number | null;
  /** The largest, kept against a policy that would follow each change; null: none. */
  readonly held: { readonly wish: SignalWish; readonly untilMs: number } | null;
}
