import { describe, expect, it } from 'vitest';
import { FakeRequest } from './fake-lane.ts';
import { createRig } from './rig.ts';

const timedOut = {
  status: 504,
  fields: ['content-type', 'text/plain; charset=utf-8'],
  body: 'request timeout',
};

describe('a request at the gate', () => {
  it('is sent on at once while there is a slot, and waits in turn when there is none', () => {
    const { traffic, gate } = createRig({ concurrency: 1 });
    const [first, second, third] = [1, 2, 3].map(() => new FakeRequest([]).enter(traffic));
    expect(first!.outbound).toMatchObject({ host: '127.0.0.1', port: 8080 });
    expect([second!.outbound, third!.outbound, gate.waiting]).toEqual([null, null, 2]);
    first!.end('answered');
    expect(second!.outbound).not.toBeNull();
    expect(third!.outbound).toBeNull();
  });

  it('is refused when ten times the limit wait', () => {
    const { traffic, gate } = createRig({ concurrency: 2 });
    const requests = Array.from({ length: 23 }, () => new FakeRequest([]).enter(traffic));
    expect(gate.waiting).toBe(20);
    expect(requests[22]!.answered).toEqual({
      status: 503,
      fields: ['content-type', 'text/plain; charset=utf-8', 'x-content-type-options', 'nosniff'],
      body: 'pending request queue full\n',
    });
  });

  it('passes without a limit when the concurrency is 0', () => {
    const { traffic, gate } = createRig({ concurrency: 0 });
    const requests = Array.from({ length: 300 }, () => new FakeRequest([]).enter(traffic));
    expect(requests.every(({ outbound }) => outbound !== null)).toBe(true);
    expect(gate.inFlight).toBe(300);
  });

  it('leaves its place when its client leaves', () => {
    const { traffic, gate, ended } = createRig({ concurrency: 1 });
    const running = new FakeRequest([]).enter(traffic);
    const leaving = new FakeRequest([]).enter(traffic);
    const next = new FakeRequest([]).enter(traffic);
    leaving.end('gone');
    expect(gate.waiting).toBe(1);
    running.end('answered');
    expect(leaving.outbound).toBeNull();
    expect(next.outbound).not.toBeNull();
    expect(ended[0]).toMatchObject({ status: 499, servedMs: null });
  });

  it('is answered with the error when the app cannot be reached', () => {
    const { traffic, ended } = createRig();
    const request = new FakeRequest([]).enter(traffic);
    const answer = request.crossing!.onBroken(new Error('connect ECONNREFUSED 127.0.0.1:8080'), false);
    expect(answer).toMatchObject({ status: 502, body: 'connect ECONNREFUSED 127.0.0.1:8080\n' });
    request.end('unreachable');
    expect(ended).toMatchObject([{ status: 502, appStatus: 0, answerBytes: answer.body.length }]);
  });

  it('counts in the statistics from its arrival to its end, as proxied when the activator sent it', async () => {
    const { traffic, stats, clock } = createRig({ concurrency: 1 });
    const direct = new FakeRequest([]).enter(traffic);
    const proxied = new FakeRequest(['k-proxy-request', 'activator']).enter(traffic);
    await clock.advance(500);
    direct.end('answered');
    proxied.end('gone');
    await clock.advance(600);
    expect(stats.report(clock.nowMs())).toMatchObject({
      averageConcurrency: 1,
      averageProxiedConcurrency: 0.5,
      requestsPerSecond: 2,
      proxiedRequestsPerSecond: 1,
    });
  });
});

describe('the time-outs', () => {
  it('count from the arrival, and the wait for a slot with it', async () => {
    const { traffic, clock, gate, watchdog } = createRig({ concurrency: 1, timeouts: { totalMs: 1_000 } });
    const running = new FakeRequest([]).enter(traffic);
    const waiting = new FakeRequest([]).enter(traffic);
    await clock.advance(900);
    expect([running.isOver, waiting.isOver]).toEqual([false, false]);
    await clock.advance(200);
    expect(running.cutWith?.answer).toEqual(timedOut);
    expect(waiting.answered ?? waiting.cutWith?.answer).toEqual(timedOut);
    expect(waiting.outbound).toBeNull();
    expect([gate.waiting, gate.inFlight, watchdog.size]).toEqual([0, 0, 0]);
  });

  it('cut a stream that is under way, with an event that says why', async () => {
    const { traffic, clock, ended } = createRig({ timeouts: { totalMs: 1_000 } });
    const request = new FakeRequest([], { target: '/v1/chat/completions' }).enter(traffic);
    request.respond(200, ['content-type', 'text/event-stream']);
    await clock.advance(1_100);
    expect(request.cutWith?.event).toMatch(/^data: \{"error":\{"message":"request timeout".*\}\}\n\n$/);
    expect(ended).toMatchObject([{ status: 200, appStatus: 200 }]);
  });

  it('end an answer that does not begin, and let one that did go on', async () => {
    const { traffic, clock } = createRig({ timeouts: { responseStartMs: 500 } });
    const slow = new FakeRequest([]).enter(traffic);
    const begun = new FakeRequest([]).enter(traffic);
    begun.respond(200);
    await clock.advance(700);
    expect(slow.cutWith?.answer).toEqual(timedOut);
    expect(begun.isOver).toBe(false);
  });

  it('end an answer of which nothing comes any more', async () => {
    const { traffic, clock } = createRig({ timeouts: { idleMs: 1_000 } });
    const request = new FakeRequest([]).enter(traffic);
    const silent = new FakeRequest([]).enter(traffic);
    request.respond(200);
    for (let i = 0; i < 4; i++) {
      await clock.advance(600);
      request.crossing!.onBytes(Buffer.from('x'));
    }
    expect([request.isOver, silent.isOver]).toEqual([false, true]);
    await clock.advance(1_100);
    expect(request.cutWith).not.toBeNull();
  });

  it('run for connections that were upgraded, whose bytes count either way', async () => {
    const { traffic, clock, underWay } = createRig({ timeouts: { totalMs: 2_000, responseStartMs: 500 } });
    const request = new FakeRequest([], { upgrade: 'websocket' }).enter(traffic);
    request.respond(101);
    expect([underWay.count, underWay.upgraded]).toEqual([1, 1]);
    await clock.advance(1_900);
    expect(request.isOver).toBe(false);
    await clock.advance(200);
    expect(request.cutWith).not.toBeNull();
    expect([underWay.count, underWay.upgraded]).toEqual([0, 0]);
  });
});

describe('what is told of a request that has ended', () => {
  it('is how long it had its slot, and what passed', async () => {
    const { traffic, clock, ended } = createRig({ concurrency: 1 });
    const first = new FakeRequest([]).enter(traffic);
    const second = new FakeRequest([]).enter(traffic);
    await clock.advance(100);
    first.end('answered');
    await clock.advance(20);
    second.respond(201);
    second.crossing!.onUpload(7);
    second.crossing!.onBytes(Buffer.alloc(5));
    await clock.advance(30);
    second.end('answered');
    expect(ended[1]).toMatchObject({
      status: 201,
      appStatus: 201,
      totalMs: 150,
      servedMs: 50,
      headMs: 20,
      uploadBytes: 7,
      answerBytes: 5,
      isProbe: false,
    });
  });
});
