import { type DestinationStream, type Logger, pino } from 'pino';

export type Log = Logger;

/** One line for each request: no bodies, no keys, no prompts. */
export interface AccessFacts {
  readonly requestId: string;
  readonly method: string;
  readonly path: string;
  readonly model: string | null;
  readonly key: string | null;
  readonly status: number;
  readonly outcome: string;
  readonly waitMs: number;
  readonly coldMs: number;
  readonly firstByteMs: number | null;
  readonly totalMs: number;
  readonly bytes: number;
  readonly retries: number;
}

/** Lines are collected to this size or for this long: a write for every request costs a tenth of its time. */
const minLength = 4096;
const periodicFlush = 500;

/** JSON lines on standard output (or `destination`), written in the background; `flush` before the process ends. */
export function createLog(level: string, destination?: DestinationStream): Log {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  return pino(options, destination ?? pino.destination({ dest: 1, sync: false, minLength, periodicFlush }));
}
