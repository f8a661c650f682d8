import { type DestinationStream, type Logger, pino } from 'pino';
import { LogWriter, standardOutput } from './log-writer.ts';

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
  /** The platform's API it came by; absent: none. */
  readonly surface?: string;
}

/** JSON lines on standard output (see LogWriter) or `destination`; `flush` before the process ends. */
export function createLog(level: string, destination?: DestinationStream): Log {
  const isoNow = createIsoNow();
  const options = { level, base: null, timestamp: () => `,"time":"${isoNow()}"` };
  return pino(options, destination ?? new LogWriter(standardOutput));
}

/** The instant in ISO 8601; the calendar is asked once in each second. */
function createIsoNow(): () => string {
  let second = -1;
  let untilSecond = '';
  return () => {
    const nowMs = Date.now();
    const ms = nowMs % 1000;
    if (nowMs - ms !== second) {
      second = nowMs - ms;
      untilSecond = new Date(second).toISOString().slice(0, -4);
    }
    return ms < 10 ? `${untilSecond}00${ms}Z` : ms < 100 ? `${untilSecond}0${ms}Z` : `${untilSecond}${ms}Z`;
  };
}

/**
 * Writes a line for each request to where `log` writes, as `log.info(facts, 'request')` would, with milliseconds cut to
 * three decimals. The line is put together here: a tenth of the time that pino's walk over an object takes.
 */
export function createAccessLog(log: Log): (facts: AccessFacts) => void {
  if (!log.isLevelEnabled('info')) return () => undefined;
  const destination = destinationOf(log);
  const head = `{"level":${log.levels.values.info},"time":"`;
  const isoNow = createIsoNow();
  return (facts) => {
    destination.write(
      `${head}${isoNow()}","requestId":${quoted(facts.requestId)},"method":${quoted(facts.method)},"path":${quoted(facts.path)}` +
        `,"model":${facts.model === null ? 'null' : quoted(facts.model)},"key":${facts.key === null ? 'null' : quoted(facts.key)}` +
        `,"status":${facts.status},"outcome":"${facts.outcome}","waitMs":${decimal(facts.waitMs)},"coldMs":${decimal(facts.coldMs)}` +
        `,"firstByteMs":${facts.firstByteMs === null ? 'null' : decimal(facts.firstByteMs)},"totalMs":${decimal(facts.totalMs)}` +
        `,"bytes":${facts.bytes},"retries":${facts.retries}${facts.surface === undefined ? '' : `,"surface":"${facts.surface}"`},"msg":"request"}\n`,
    );
  };
}

/** Lines that were dropped because nobody took them. */
export function droppedLinesOf(log: Log): number {
  const destination = destinationOf(log);
  return destination instanceof LogWriter ? destination.dropped : 0;
}

function destinationOf(log: Log): DestinationStream {
  return (log as unknown as Record<symbol, DestinationStream>)[pino.symbols.streamSym]!;
}

const plain = /^[\x20!#-[\]-~]*$/;

/** A JSON string; most need no escape, and finding that out is cheaper than JSON.stringify. */
function quoted(text: string): string {
  return plain.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** With at most three decimals; integers are made into text several times faster than fractions. */
function decimal(ms: number): string {
  const micros = Math.max(0, Math.round(ms * 1000));
  const whole = Math.trunc(micros / 1000);
  const rest = micros - whole * 1000;
  if (rest === 0) return `${whole}`;
  return rest < 10 ? `${whole}.00${rest}` : rest < 100 ? `${whole}.0${rest}` : `${whole}.${rest}`;
}
