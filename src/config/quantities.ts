const msByUnit: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const bytesByUnit: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
};

/** The longest duration that a setting may have: Node's timers hold at most 2^31 - 1 milliseconds. */
export const maxDurationMs = 24 * 86_400_000;

/** What `parseDuration` reads, as text. */
export const durationPattern = /^(0|(\d+(\.\d+)?(ms|s|m|h|d))+)$/;
/** What `parseSize` reads, as text. */
export const sizePattern = /^(0|\d+(\.\d+)?([KMGT]i?)?B)$/;

/** Milliseconds of `250ms`, `30s`, `1m30s`, `2h`, `1d` (parts of a millisecond are dropped) or `0`; null: no duration. */
export function parseDuration(text: string | 0): number | null {
  if (text === 0 || text === '0') return 0;
  if (!durationPattern.test(text)) return null;
  let totalMs = 0;
  for (const [, count, , unit] of text.matchAll(/(\d+(\.\d+)?)(ms|s|m|h|d)/g)) {
    totalMs += Number(count) * msByUnit[unit!]!;
  }
  return Math.floor(totalMs + 1e-6);
}

/** The shortest text that `parseDuration` reads back as `ms` (a whole number): `1m30s`, `250ms`, `0`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0';
  let restMs = ms;
  let text = '';
  for (const unit of ['d', 'h', 'm', 's', 'ms']) {
    const count = Math.floor(restMs / msByUnit[unit]!);
    if (count > 0) text += `${count}${unit}`;
    restMs -= count * msByUnit[unit]!;
  }
  return text;
}

/** Bytes of `512B`, `32MiB`, `10MB`, `1.5GiB` (rounded down) or `0`; null: no size. */
export function parseSize(text: string | 0): number | null {
  if (text === 0 || text === '0') return 0;
  if (!sizePattern.test(text)) return null;
  const unitAt = text.search(/[KMGTB]/);
  return Math.floor(Number(text.slice(0, unitAt)) * bytesByUnit[text.slice(unitAt)]!);
}

/** `bytes` (a whole number) in the largest binary unit that divides it: `32MiB`, `1000B`, `0`. */
export function formatSize(bytes: number): string {
  if (bytes === 0) return '0';
  const unit = ['TiB', 'GiB', 'MiB', 'KiB'].find((name) => bytes % bytesByUnit[name]! === 0) ?? 'B';
  return `${bytes / bytesByUnit[unit]!}${unit}`;
}
