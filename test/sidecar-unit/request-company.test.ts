import { describe, expect, it } from 'vitest';
import { FakeRequest } from './fake-lane.ts';
import { createRig } from './rig.ts';

const streaming = ['accept', 'text/event-stream', 'accept-encoding', 'gzip'];

/** One that runs, and one behind it that has got comments. */
async function commented() {
  const rig = createRig({ concurrency: 1, commentMs: 100 });
  const running = new FakeRequest([]).enter(rig.traffic);
  const waiting = new FakeRequest(streaming, { target: '/v1/chat/completions' }).enter(rig.traffic);
  await rig.clock.advance(250);
  return { ...rig, running, waiting };
}

describe('a request that waits with comments', () => {
  it('is told its place, and no more once it has its slot', async () => {
    const { clock, running, waiting } = await commented();
    expect(waiting.comments).toHaveLength(2);
    expect(waiting.comments[0]).toMatch(/^: pilotlight position=1 /);
    running.end('answered');
    await clock.advance(1_000);
    expect(waiting.comments).toHaveLength(2);
    expect(clock.pendingTimers).toBe(0);
  });

  it('goes to the app without asking for compression, since its answer has begun', async () => {
    const { running, waiting } = await commented();
    running.end('answered');
    const { fields } = waiting.outbound!;
    expect(fields[fields.indexOf('accept-encoding') + 1]).toBe('identity');
    waiting.respond(200, ['content-type', 'text/event-stream']);
    expect(waiting.cutWith).toBeNull();
  });

  it.each([
    [500, ['content-type', 'application/json']],
    [200, ['content-type', 'application/json']],
    [200, ['content-type', 'text/event-stream', 'content-encoding', 'gzip']],
  ])('is cut with an event when the app answers %i %j', async (status, fields) => {
    const { gate, running, waiting } = await commented();
    running.end('answered');
    waiting.respond(status, fields);
    expect(waiting.cutWith?.event).toMatch(/^data: \{"error":.*"code":"backend_bad_response"\}\}\n\n$/);
    expect(gate.inFlight).toBe(0);
  });

  it('is told nothing more when it has left', async () => {
    const { gate, clock, waiting } = await commented();
    waiting.end('gone');
    await clock.advance(1_000);
    expect(waiting.comments).toHaveLength(2);
    expect([gate.waiting, clock.pendingTimers]).toEqual([0, 0]);
  });
});
