import { describe, expect, it } from 'vitest';
import { preferencesOf } from '../../../src/protocols/jobs/prefer.ts';

describe('Prefer', () => {
  it.each([
    [undefined, false, null],
    ['', false, null],
    ['respond-async', true, null],
    ['Respond-Async', true, null],
    ['respond-async, wait=10', true, 10_000],
    ['wait=10, respond-async', true, 10_000],
    ['respond-async; foo="bar" , wait="7"', true, 7_000],
    ['wait=1, wait=2', false, 1_000],
    ['wait=0', false, 0],
    ['wait', false, null],
    ['wait=soon', false, null],
    ['wait=-1', false, null],
    ['wait=999999', false, 600_000],
    ['respond-asynchronously', false, null],
    ['return=minimal, handling=lenient', false, null],
  ])('%j: respond-async %s, wait %s ms', (field, isAsync, waitMs) => {
    expect(preferencesOf(field)).toEqual({ isAsync, waitMs });
  });
});
