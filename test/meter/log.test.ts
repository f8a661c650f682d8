import { describe, expect, it, vi } from 'vitest';
import { type AccessFacts, createAccessLog, createLog } from '../../src/meter/log.ts';

const facts: AccessFacts = {
  requestId: 'req-1',
  method: 'POST',
  path: '/v1/chat/completions',
  model: 'llama',
  key: null,
  status: 200,
  outcome: 'answered',
  waitMs: 0,
  coldMs: 1234,
  firstByteMs: 12.5,
  totalMs: 100.125,
  bytes: 431,
  retries: 0,
};

/** The lines that `use` makes at this level, parsed. */
function linesOf(level: string, use: (log: ReturnType<typeof createLog>) => void): Record<string, unknown>[] {
  const lines: string[] = [];
  use(createLog(level, { write: (line) => lines.push(line) }));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** The access log's line and the one that pino itself makes of the same facts, without their times. */
function bothWays(these: AccessFacts): Record<string, unknown>[] {
  const lines = linesOf('info', (log) => {
    createAccessLog(log)(these);
    log.info(these, 'request');
  });
  return lines.map(({ time, ...rest }) => {
    expect(new Date(time as string).toISOString()).toBe(time);
    return rest;
  });
}

describe('the access log', () => {
  it.each([
    ['a plain request', facts],
    ['no model, no head', { ...facts, model: null, firstByteMs: null }],
    ['a key', { ...facts, key: 'app' }],
    ['quotes and backslashes', { ...facts, path: '/a"b\\c', model: 'a"b' }],
    ['control characters', { ...facts, path: '/a\nb\u0000\u001f\u007f' }],
    ['other scripts and a lone surrogate', { ...facts, model: 'モデル🙂\ud800', key: 'é' }],
    ['small fractions', { ...facts, waitMs: 0.001, coldMs: 0.02, totalMs: 3.3 }],
    ['large numbers', { ...facts, totalMs: 86_400_000.001, bytes: 2 ** 40 }],
  ])('writes what pino would write of %s', (_name, these) => {
    const [own, pinos] = bothWays(these);
    expect(own).toEqual(pinos);
  });

  it('cuts milliseconds to three decimals', () => {
    const [own] = bothWays({ ...facts, waitMs: 0.0004, firstByteMs: 1.23456, totalMs: 1.9999 });
    expect(own).toMatchObject({ waitMs: 0, firstByteMs: 1.235, totalMs: 2 });
  });

  it('is silent where the level leaves no room for it', () => {
    expect(linesOf('warn', (log) => createAccessLog(log)(facts))).toEqual([]);
  });

  it('dates each line in ISO 8601, also where a second begins and where the clock is set back', () => {
    const startMs = Date.UTC(2026, 1, 28, 23, 59, 59);
    const instants = [0, 7, 45, 999, 1_000, 1_000, 61_010, 500, -1].map((offset) => startMs + offset);
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      const lines = linesOf('info', (log) => {
        for (const instant of instants) {
          vi.setSystemTime(instant);
          log.info('line');
        }
      });
      expect(lines.map(({ time }) => time)).toEqual(
        instants.map((instant) => new Date(instant).toISOString()),
      );
    } finally {
      vi.useRealTimers();
    }
  });
});
