import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RawClient } from '../../support/raw-client.ts';
import { LaneRig, type PlayedCrossing, textAnswer } from './lane-rig.ts';

/** What may happen to a request, by whom. */
const acts = {
  client: ['body', 'body', 'end', 'junk', 'next', 'fin', 'rst', 'stop', 'read'],
  backend: [
    'whole',
    'whole',
    'head',
    'chunked',
    'events',
    'switch',
    'data',
    'data',
    'last',
    'junk',
    'continue',
    'fin',
    'rst',
  ],
  crossing: ['forward', 'forward', 'answer', 'comment', 'cut'],
  rig: ['turn', 'turn', 'turn', 'turn', 'pause', 'down'],
} as const;

type Act = { [K in keyof typeof acts]: readonly [K, (typeof acts)[K][number]] }[keyof typeof acts];

const heads = [
  'GET / HTTP/1.1\r\nhost: a\r\n\r\n',
  'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 8\r\n\r\n',
  'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n',
  'POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 8\r\n\r\n',
  'GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
  'GET / HTTP/1.0\r\n\r\n',
];

const answers: Readonly<Record<string, string>> = {
  whole: 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok',
  head: 'HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n',
  chunked: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n',
  events: 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n',
  switch: 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
  data: '4\r\na\n\n\n\r\n',
  last: '0\r\n\r\n',
  junk: 'x\x01\r\n',
  continue: 'HTTP/1.1 100 Continue\r\n\r\n',
};

const act = fc.oneof(
  ...(Object.keys(acts) as (keyof typeof acts)[]).map((who) =>
    fc.tuple(fc.constant(who), fc.constantFrom(...acts[who])),
  ),
) as fc.Arbitrary<Act>;

function clientActs(client: RawClient, what: string, head: string): void {
  if (client.isClosed || client.socket.writableEnded) return;
  if (what === 'body') client.write(head.includes('chunked') ? '3\r\nabc\r\n' : 'abcd');
  else if (what === 'end') client.write('0\r\n\r\n');
  else if (what === 'junk') client.write('\x00\r\n');
  else if (what === 'next') client.write(heads[0]!);
  else if (what === 'stop') client.socket.pause();
  else if (what === 'read') client.socket.resume();
  else client.leave(what === 'fin' ? 'fin' : 'rst');
}

function crossingActs(rig: LaneRig, crossing: PlayedCrossing, what: string): void {
  const { request } = crossing;
  if (what === 'forward') rig.forward(request);
  else if (what === 'answer') request.answer(textAnswer(503, 'no'));
  else if (what === 'comment') request.comment(': x\n\n');
  else request.cut(textAnswer(504, 'late'), 'event: error\n\n');
}

async function play(rig: LaneRig, script: readonly Act[], headAt: number): Promise<void> {
  const head = heads[headAt]!;
  const client = rig.client().write(head);
  for (const [who, what] of script) {
    if (who === 'client') clientActs(client, what, head);
    else if (who === 'crossing') {
      const crossing = rig.crossings.at(-1);
      if (crossing !== undefined) crossingActs(rig, crossing, what);
    } else if (who === 'backend') {
      const exchange = rig.backend.exchanges.at(-1);
      if (exchange === undefined || exchange.isClosed) continue;
      if (what === 'fin') exchange.end();
      else if (what === 'rst') exchange.reset();
      else if (exchange.socket.writable) void exchange.write(answers[what]!);
    } else if (what === 'turn') for (let i = 0; i < 4; i++) await nextTurn();
    else if (what === 'pause') await new Promise((resolve) => setTimeout(resolve, 2));
    else await rig.backend.refuse();
  }
}

/** Everybody leaves: what is open now is what is left over. */
async function everybodyLeaves(rig: LaneRig): Promise<void> {
  for (const { request } of rig.crossings) request.cut(textAnswer(504, 'late'), null);
  const drained = rig.lane.drain();
  for (const client of rig.clients) client.destroy();
  await drained;
  for (const crossing of rig.crossings) {
    await crossing.ended();
    expect(crossing.told.filter((text) => text.startsWith('end'))).toHaveLength(1);
    expect(crossing.told.at(-1)).toMatch(/^end \w+$/);
  }
  await expect
    .poll(() => rig.lane.counts)
    .toEqual({ clients: 0, backends: 0, idleBackends: 0, heldBytes: 0 });
}

describe('whatever client, backend and crossing do, in whatever order', () => {
  it('a request ends exactly once and last, and nothing is left open', { timeout: 120_000 }, async () => {
    const ends = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(
        fc.array(act, { maxLength: 24 }),
        fc.nat(heads.length - 1),
        fc.boolean(),
        async (script, headAt, forwardsAtOnce) => {
          const rig = await LaneRig.start(() => undefined, {
            brokenEvent: 'event: error\n\n',
            ...(forwardsAtOnce ? {} : { onTake: () => undefined }),
          });
          try {
            await play(rig, script, headAt);
            await everybodyLeaves(rig);
            for (const { end } of rig.crossings) ends.set(end!, (ends.get(end!) ?? 0) + 1);
          } finally {
            await rig.close();
          }
        },
      ),
      { numRuns: 250 },
    );
    // Which of the six came about is chance; one or two alone would show nothing.
    expect(ends.size).toBeGreaterThan(2);
  });

  it('what is idle in the pool serves the next request', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 16 }), fc.nat(heads.length - 1), async (script, headAt) => {
        const rig = await LaneRig.start(() => undefined);
        try {
          await play(rig, script, headAt);
          for (const client of rig.clients) client.destroy();
          for (let i = 0; i < 8; i++) await nextTurn();
          await rig.backend.listen().catch(() => undefined);
          const before = rig.backend.exchanges.length;
          rig.backend.script = (exchange) => exchange.answer('fresh');
          const answer = await rig.client().write(heads[0]!).answer();
          // A backend that left in this very moment is none that could have been known of.
          if (answer.status === 502) expect(rig.crossings.at(-1)!.told[0]).toMatch(/^broken/);
          else
            expect([answer.status, answer.body, rig.backend.exchanges.length]).toEqual([
              200,
              'fresh',
              before + 1,
            ]);
        } finally {
          await rig.close();
        }
      }),
      { numRuns: 150 },
    );
  });
});
