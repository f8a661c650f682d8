import type { LogWriter } from '../meter/log-writer.ts';
import type { LogSettings, SidecarSettings } from './settings.ts';

/** What a line says beyond its message; an error is told by its message. */
export type LogFacts = Readonly<Record<string, unknown>>;

/** The log of a sidecar: JSON lines, facts first and a constant message, as pino takes them. */
export interface SidecarLog {
  debug(facts: LogFacts, message: string): void;
  info(facts: LogFacts, message: string): void;
  warn(facts: LogFacts, message: string): void;
  error(facts: LogFacts, message: string): void;
  /** A line of somebody else's making, with its end. */
  raw(line: string): void;
  /** Calls back when all is written, or cannot be. */
  flush(done: () => void): void;
}

const levels = ['debug', 'info', 'warn', 'error'] as const;
type Level = (typeof levels)[number];

/**
 * Lines under the keys that the settings name. Not by pino: of a start, it would be the half, and 10 MB; a sidecar writes a
 * line where something happens, and those of requests are made elsewhere.
 */
export function createSidecarLog(
  { log: settings, mode, identity }: Pick<SidecarSettings, 'log' | 'mode' | 'identity'>,
  writer: LogWriter,
  wallMs: () => number = Date.now,
): SidecarLog {
  const least = settings.level === 'silent' ? levels.length : levels.indexOf(settings.level);
  // Who speaks, under the names that queue-proxy has for it.
  const about =
    mode === 'plain'
      ? {}
      : {
          'knative.dev/key': `${identity.namespace}/${identity.revision}`,
          'knative.dev/pod': identity.pod,
        };
  const say = (level: Level) =>
    levels.indexOf(level) < least
      ? () => undefined
      : (facts: LogFacts, message: string) => {
          const line = lineOf({ settings, level, message, wallMs }, { ...about, ...facts });
          writer.write(`${JSON.stringify(line)}\n`);
          // What is told of the sidecar itself is rare and awaited; errors come by the request, and in batches.
          if (level !== 'error') writer.flush(() => undefined);
        };
  return {
    debug: say('debug'),
    info: say('info'),
    warn: say('warn'),
    error: say('error'),
    raw: (line) => writer.write(line),
    flush: (done) => writer.flush(done),
  };
}

function lineOf(
  {
    settings,
    level,
    message,
    wallMs,
  }: { settings: LogSettings; level: Level; message: string; wallMs(): number },
  facts: LogFacts,
): Record<string, unknown> {
  const line: Record<string, unknown> = {};
  const { levelKey, timeKey, nameKey, messageKey, isUpperCase } = settings;
  if (levelKey !== '') line[levelKey] = isUpperCase ? level.toUpperCase() : level;
  if (timeKey !== '') line[timeKey] = new Date(wallMs()).toISOString();
  if (nameKey !== '') line[nameKey] = 'queueproxy';
  if (messageKey !== '') line[messageKey] = message;
  for (const [name, value] of Object.entries(facts))
    line[name] = value instanceof Error ? value.message : value;
  return line;
}
