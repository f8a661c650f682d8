import { describe, expect, it } from 'vitest';
import { WaitComments } from '../../src/sidecar/model/wait-comments.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { headOf, heldBody } from './fake-request.ts';

function waiting(body: string) {
  const clock = new ManualClock();
  const request = heldBody(headOf(), body);
  let position = 3;
  const comments = new WaitComments({
    request,
    clock,
    everyMs: 20_000,
    state: () => ({ position: position--, phase: 'waiting', detail: null, etaMs: null }),
  });
  return { clock, request, comments };
}

describe('one who waits for a slot', () => {
  it('gets a comment with its position again and again, the first after one interval', () => {
    const { clock, request } = waiting('{"stream":true}');
    clock.advanceSync(19_999);
    expect(request.comments).toEqual([]);
    clock.advanceSync(1);
    clock.advanceSync(20_000);
    expect(request.comments).toEqual([
      ': pilotlight position=3 phase="waiting"\n\n',
      ': pilotlight position=2 phase="waiting"\n\n',
    ]);
  });

  it('gets none without asking for a stream, and does from when the body says so', () => {
    const { clock, request } = waiting('{"messages":[]');
    clock.advanceSync(40_000);
    expect(request.comments).toEqual([]);
    request.come(',"stream":true}');
    clock.advanceSync(20_000);
    expect(request.comments).toHaveLength(1);
  });

  it('gets no more once it has its slot', () => {
    const { clock, request, comments } = waiting('{"stream":true}');
    clock.advanceSync(20_000);
    comments.stop();
    clock.advanceSync(100_000);
    expect(request.comments).toHaveLength(1);
  });

  it('is sent on asking for an answer that is not compressed, after a comment and not without', () => {
    const fields = ['host', 'app', 'accept-encoding', 'gzip, br', 'accept', '*/*'];
    const { clock, comments } = waiting('{"stream":true}');
    expect(comments.toApp(fields)).toBe(fields);
    clock.advanceSync(20_000);
    expect(comments.toApp(fields)).toEqual(['host', 'app', 'accept', '*/*', 'accept-encoding', 'identity']);
  });
});
