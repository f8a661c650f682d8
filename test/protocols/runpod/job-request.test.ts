import { describe, expect, it } from 'vitest';
import { waitOf } from '../../../src/protocols/runpod/job-request.ts';

const of = (query: string) => waitOf(new URLSearchParams(query));

describe('the wait of runsync', () => {
  it('is 90 s, or what ?wait= says in ms', () => {
    expect([of(''), of('wait=1000'), of('wait=300000')]).toEqual([90_000, 1_000, 300_000]);
  });

  it.each(['wait=999', 'wait=300001', 'wait=1.5e3.', 'wait='])('%s is refused with the bounds', (query) => {
    expect(() => of(query)).toThrow('wait must be from 1000 to 300000 (ms)');
  });
});
