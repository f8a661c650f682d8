import { z } from 'zod';
import {
  durationPattern,
  formatDuration,
  formatSize,
  maxDurationMs,
  parseDuration,
  parseSize,
  sizePattern,
} from './quantities.ts';

/** How a setting given with a unit is read. */
interface Quantity {
  readonly title: 'duration' | 'size';
  readonly pattern: RegExp;
  readonly parse: (text: string | 0) => number | null;
  readonly format: (value: number) => string;
  readonly example: string;
  readonly max: number;
}

function quantity(kind: Quantity, description: string, min: number) {
  const error = `must be a ${kind.title} with its unit, such as ${kind.example}${min > 0 ? '' : ', or 0'}`;
  return z
    .union([z.literal(0), z.string().regex(kind.pattern, { error })], { error })
    .transform((written, context) => {
      const value = kind.parse(written)!;
      const fault =
        value < min
          ? `must be at least ${kind.format(min)}`
          : value > kind.max && `must be at most ${kind.format(kind.max)}`;
      if (fault) context.issues.push({ code: 'custom', input: written, message: fault });
      return value;
    })
    .meta({ title: kind.title, description });
}

const durations: Quantity = {
  title: 'duration',
  pattern: durationPattern,
  parse: parseDuration,
  format: formatDuration,
  example: '30s',
  max: maxDurationMs,
};

const sizes: Quantity = {
  title: 'size',
  pattern: sizePattern,
  parse: parseSize,
  format: formatSize,
  example: '32MiB',
  max: Number.MAX_SAFE_INTEGER,
};

/** A key that takes a duration, at least `minMs`; the code gets milliseconds. */
export const duration = (description: string, minMs = 0) => quantity(durations, description, minMs);

/** A key that takes a size, at least `minBytes`; the code gets bytes. */
export const size = (description: string, minBytes = 0) => quantity(sizes, description, minBytes);
