import { type ClientHttp2Session, constants, type ServerHttp2Stream } from 'node:http2';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ignore, Rig, type Told, to } from './rig.ts';

const { NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = constants;
const { NGHTTP2_REFUSED_STREAM } = constants;

/** Turns of the event loop until something is done; at least one, since clients and backends here are Node (close-soon.ts). */
const turns = fc.integer({ min: 1, max: 6 });
const code = fc.constantFrom(
  NGHTTP2_NO_ERROR,
  NGHTTP2_CANCEL,
  NGHTTP2_INTERNAL_ERROR,
  NGHTTP2_REFUSED_STREAM,
  NGHTTP2_ENHANCE_YOUR_CALM,
);

const client = fc.record({
  method: fc.constantFrom('GET', 'POST', 'POST', 'HEAD'),
  pieces: fc.array(fc.constantFrom(0, 1, 1_000, 20_000, 300_000), { maxLength: 4 }),
  hasTrailers: fc.boolean(),
  ends: fc.boolean(),
  reads: fc.constantFrom('all', 'late', 'never'),
  leaves: fc.option(fc.record({ turns, code }), { freq: 3 }),
});

const crossing = fc.record({
  first: fc.constantFrom('forward', 'forward', 'forward', 'late', 'comment', 'read', 'answer', 'nothing'),
  cut: fc.option(fc.record({ turns, isGrpc: fc.boolean(), event: fc.option(fc.constant('data: cut\n\n')) })),
  cutsAt: fc.constantFrom('never', 'never', 'head', 'bytes', 'broken'),
});

const backend = fc.record({
  turns,
  reads: fc.boolean(),
  waits: fc.boolean(),
  answer: fc.constantFrom('none', 'head', 'headOnly', 'echo', 'small', 'large', 'early'),
  type: fc.constantFrom('text/plain', 'text/event-stream', 'application/grpc'),
  hasTrailers: fc.boolean(),
  resets: fc.option(fc.record({ turns, code }), { freq: 3 }),
  breaks: fc.option(fc.constantFrom('destroy', 'goaway', 'goawayError', 'close'), { freq: 8 }),
});

const stream = fc.record({ client, crossing, backend, begins: turns });
type Plan = typeof stream extends fc.Arbitrary<infer T> ? T : never;

async function after(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await turn();
}

async function playBackend(stream: ServerHttp2Stream, plan: Plan['backend']): Promise<void> {
  const { session } = stream;
  await after(plan.turns);
  const isAlive = () => !stream.destroyed && !stream.closed;
  if (plan.reads && isAlive()) stream.resume();
  if (plan.waits && plan.reads && !stream.endAfterHeaders && isAlive()) {
    await Promise.race([new Promise((resolve) => stream.once('end', resolve)), after(20)]);
  }
  if (plan.answer !== 'none' && isAlive()) {
    const waitForTrailers = plan.hasTrailers && plan.answer !== 'headOnly';
    stream.on('wantTrailers', () => isAlive() && stream.sendTrailers({ 'grpc-status': '0' }));
    const fields = { ':status': 200, 'content-type': plan.type };
    stream.respond(fields, { waitForTrailers, endStream: plan.answer === 'headOnly' });
    if (plan.answer === 'echo') stream.pipe(stream);
    if (plan.answer === 'small') stream.end('data: one\n\n');
    if (plan.answer === 'large') stream.end(Buffer.alloc(600_000, '\n'));
    if (plan.answer === 'early') stream.write('data: one\n\n');
  }
  if (plan.breaks !== null) {
    await after(plan.turns);
    if (session?.destroyed === false) {
      if (plan.breaks === 'destroy') session.destroy();
      if (plan.breaks === 'close') session.close();
      if (plan.breaks === 'goaway') session.goaway(NGHTTP2_NO_ERROR, 1);
      if (plan.breaks === 'goawayError') session.goaway(NGHTTP2_INTERNAL_ERROR, 1);
    }
  }
  if (plan.resets === null) return;
  await after(plan.resets.turns);
  if (isAlive()) stream.close(plan.resets.code);
}

async function playClient(session: ClientHttp2Session, plan: Plan['client'], index: number): Promise<void> {
  if (session.destroyed || session.closed) return;
  const hasBody = plan.method === 'POST';
  const headers = { ':method': plan.method, ':path': `/${index}` };
  const stream = session.request(headers, {
    endStream: !hasBody,
    waitForTrailers: hasBody && plan.hasTrailers,
  });
  stream.on('error', ignore);
  stream.on('wantTrailers', () => !stream.destroyed && !stream.closed && stream.sendTrailers({ 'x-t': '1' }));
  if (plan.reads === 'all') stream.resume();
  const send = async () => {
    for (const size of plan.pieces) {
      if (stream.destroyed || stream.closed) return;
      stream.write(Buffer.alloc(size, 'a'));
      await turn();
    }
    if (plan.ends && !stream.destroyed) stream.end();
  };
  const leave = async () => {
    if (plan.leaves === null) return;
    await after(plan.leaves.turns);
    if (!stream.destroyed && !stream.closed) stream.close(plan.leaves.code);
  };
  await Promise.all([hasBody ? send() : null, leave()]);
  if (plan.reads === 'late') stream.resume();
}

const own = { status: 503, fields: ['content-type', 'text/plain'], body: 'own' };
const status = { status: 200, fields: ['content-type', 'application/grpc', 'grpc-status', '14'], body: '' };

function playCrossing(told: Told, plan: Plan['crossing'], port: number): void {
  const { request } = told;
  const forward = () => request.forward(to(told, port));
  const cut = () => request.cut(plan.cut?.isGrpc ? status : own, plan.cut?.event ?? null);
  told.event = plan.cut?.event ?? null;
  if (plan.cutsAt === 'head') told.onHeadCalled = cut;
  if (plan.cutsAt === 'bytes') {
    const { onBytes } = told;
    told.onBytes = (bytes) => {
      onBytes.call(told, bytes);
      cut();
    };
  }
  if (plan.first === 'forward') forward();
  if (plan.first === 'late') void after(4).then(forward);
  if (plan.first === 'answer') request.answer(plan.cut?.isGrpc ? status : own);
  if (plan.first === 'comment') {
    request.comment(': wait\n\n');
    void after(2).then(forward);
  }
  if (plan.first === 'read') {
    const prefix: Buffer[] = [];
    request.read({ onChunk: (chunk) => prefix.push(chunk), onEnd: ignore });
    void after(3).then(() => {
      request.pause();
      request.forward({ ...to(told, port), prefix });
    });
  }
  if (plan.cut !== null) void after(plan.cut.turns).then(cut);
}

async function play(plans: readonly Plan[], closes: number | null): Promise<void> {
  const rig = new Rig();
  try {
    const planOf = (path: string) => plans[Number(path.slice(1))]!;
    const server = await rig.backend((stream, headers) => {
      void playBackend(stream, planOf(String(headers[':path'])).backend);
    });
    await rig.open(server.port, {
      take: (told) => playCrossing(told, planOf(told.request.head.target).crossing, server.port),
    });
    const session = rig.client();
    const played = plans.map(async ({ client, begins }, index) => {
      await after(begins);
      await playClient(session, client, index);
    });
    if (closes !== null) {
      await after(closes);
      rig.lane.close();
    }
    await Promise.all(played);
    await after(10);
    session.destroy();
    await expect.poll(() => rig.told.map(({ ends }) => ends.length)).toEqual(rig.told.map(() => 1));
    await after(5);
    expect(rig.told.map(({ ends, late }) => ({ ends: ends.length, late }))).toEqual(
      rig.told.map(() => ({ ends: 1, late: 0 })),
    );
    await rig.lane.drain();
  } finally {
    await rig.close();
  }
}

describe('whatever comes between', () => {
  it('a request ends exactly once, last, and leaves nothing open', async () => {
    const plans = fc.array(stream, { minLength: 1, maxLength: 8 });
    const closes = fc.option(fc.nat({ max: 12 }), { freq: 4 });
    const numRuns = Number(process.env.RELAY_RUNS ?? 100);
    await fc.assert(
      fc.asyncProperty(plans, closes, (all, at) => play(all, at)),
      { numRuns, endOnFailure: true },
    );
  }, 600_000);
});
