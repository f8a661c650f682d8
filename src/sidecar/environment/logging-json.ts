import type { LogSettings } from '../settings.ts';
import { ObjectReader, parseJson } from './json-text.ts';
import { Misfit } from './variable.ts';

type Level = LogSettings['level'];

/** zap's levels; those above error are for what ends a program, and this one writes nothing of the kind. */
const levels: ReadonlyMap<string, Level> = new Map([
  ['debug', 'debug'],
  ['info', 'info'],
  ['', 'info'],
  ['warn', 'warn'],
  ['warning', 'warn'],
  ['error', 'error'],
  ['dpanic', 'silent'],
  ['panic', 'silent'],
  ['fatal', 'silent'],
]);

const levelNames = 'debug, info, warn, error, dpanic, panic or fatal';

/** SERVING_LOGGING_LEVEL: a level of zap, in lower or upper case. */
export function readLevel(text: string): Level | null | Misfit {
  if (text === '') return null;
  return levelOf(text) ?? new Misfit(levelNames);
}

function levelOf(text: string): Level | undefined {
  return text === text.toLowerCase() || text === text.toUpperCase()
    ? levels.get(text.toLowerCase())
    : undefined;
}

/** What zapdriver's production configuration has, which Knative falls back to. */
const knativeKeys = {
  levelKey: 'severity',
  timeKey: 'timestamp',
  messageKey: 'message',
  nameKey: 'logger',
} as const;

/**
 * SERVING_LOGGING_CONFIG: a zap configuration as JSON. Obeyed are `level`, of `encoderConfig` the keys of level, time,
 * message and name, and `levelEncoder`; times are ISO 8601 and lines JSON whatever is said there.
 */
export function readLogging(text: string): LogSettings | Misfit {
  const json = text === '' ? { value: {} } : parseJson(text);
  if (json instanceof Misfit) return json;
  const faults: string[] = [];
  const config = new ObjectReader(json.value, '', faults);
  const level = levelOf(config.text('level', 'info'));
  if (level === undefined) config.fault('level', `to be ${levelNames}`);
  config.choice('encoding', ['json', 'console', ''], 'json');
  const encoder = config.below('encoderConfig');
  const encoding = encoder.text('levelEncoder', 'capital');
  const keyOf = (key: keyof typeof knativeKeys) => encoder.text(key, knativeKeys[key]);
  const settings: LogSettings = {
    level: level ?? 'info',
    levelKey: keyOf('levelKey'),
    timeKey: keyOf('timeKey'),
    messageKey: keyOf('messageKey'),
    nameKey: keyOf('nameKey'),
    // zap's own default, and what an empty text means to it, is lower case.
    isUpperCase: encoding.startsWith('capital'),
  };
  return faults.length > 0 ? new Misfit(faults.join('; ')) : settings;
}

/** How lines look in plain mode. */
export const plainLogging: LogSettings = {
  level: 'info',
  levelKey: 'level',
  timeKey: 'time',
  messageKey: 'msg',
  nameKey: '',
  isUpperCase: false,
};
