/** Nanoseconds of the units of Go's durations. */
const nsByUnit: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3_600e9,
};

const durationPattern = /^[+-]?(0|((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))+)$/;

/** Milliseconds of a duration as Go's time.ParseDuration reads it (`90s`, `1h30m`, `1.5m`, `-2s`, `0`); null: none. */
export function goDurationMs(text: string): number | null {
  if (!durationPattern.test(text)) return null;
  let totalNs = 0;
  for (const [, count, unit] of text.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    totalNs += Number(count) * nsByUnit[unit!]!;
  }
  return (text.startsWith('-') ? -totalNs : totalNs) / 1e6;
}

/** A decimal number as Go's strconv.ParseFloat reads it; null: none, or one without end (`NaN`, `Inf`). */
export function goNumber(text: string): number | null {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) && Number.isFinite(Number(text))
    ? Number(text)
    : null;
}

/** A whole number as Go's strconv.ParseInt reads it in base 10; null: none. */
export function goInteger(text: string): number | null {
  return /^[+-]?\d+$/.test(text) ? Number(text) : null;
}
