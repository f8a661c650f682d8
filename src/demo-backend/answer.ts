import { createHash } from 'node:crypto';
import type { Clock } from '../core/clock.ts';

const sentence =
  "This is a simulated answer of Pilotlight's demo backend: no model ran, the words are always the same, and only their timing is real.";

const words = sentence.split(' ');

/** The token at this place of every answer; one word with the space before it, so that they join to sentences. */
function tokenAt(index: number): string {
  const word = words[index % words.length]!;
  return index === 0 ? word : ` ${word}`;
}

/** How fast an answer is written. */
export interface Pace {
  readonly clock: Clock;
  readonly firstTokenMs: number;
  readonly tokensPerSecond: number;
}

/**
 * Yields `count` tokens at the pace. Each is due at a time counted from the start, so that late timers and slow
 * readers do not add up. Throws the signal's reason when aborted.
 */
export async function* writeAnswer(pace: Pace, count: number, signal: AbortSignal): AsyncGenerator<string> {
  const firstAtMs = pace.clock.nowMs() + pace.firstTokenMs;
  for (let index = 0; index < count; index += 1) {
    const delayMs = firstAtMs + (index * 1_000) / pace.tokensPerSecond - pace.clock.nowMs();
    if (delayMs > 0) await pace.clock.sleep(delayMs, signal);
    signal.throwIfAborted();
    yield tokenAt(index);
  }
}

/** A stand-in for a tokenizer's count: words, at least one. */
export function countTokens(prompt: string): number {
  return Math.max(1, prompt.split(/\s+/).filter((word) => word !== '').length);
}

/** A vector of length 1 that depends on nothing but the text and the number of dimensions. */
export function embed(text: string, dimensions: number): Float32Array {
  const vector = new Float32Array(dimensions);
  for (let block = 0; block * 8 < dimensions; block += 1) {
    const digest = createHash('sha256').update(`${block}:${text}`).digest();
    for (let lane = 0; lane < 8 && block * 8 + lane < dimensions; lane += 1) {
      vector[block * 8 + lane] = digest.readInt32BE(lane * 4) / 2 ** 31;
    }
  }
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}
