import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { RawExchange } from '../../support/raw-backend.ts';
import type { RawAnswer, RawClient } from '../../support/raw-client.ts';
import { LaneRig } from './lane-rig.ts';

type Random = (below: number) => number;

// mulberry32
function seeded(seed: number): Random {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** A body, how it is framed, and what is on the wire. */
interface Body {
  readonly data: string;
  readonly framing: string;
  readonly wire: string;
  readonly trailers: readonly string[];
}

function randomData(random: Random): string {
  const length = [0, 1 + random(9), random(300), random(3_000), random(90_000)][
    random(random(5) === 0 ? 5 : 4)
  ]!;
  return 'abcdef0123456789\r\n;'.charAt(random(19)).repeat(length);
}

function chunkOf(data: string, random: Random): string {
  const digits = random(2) === 0 ? data.length.toString(16) : data.length.toString(16).toUpperCase();
  const padded = random(4) === 0 ? digits.padStart(digits.length + random(9 - digits.length), '0') : digits;
  return `${padded}${random(20) === 0 ? ';x="y z"' : ''}\r\n${data}\r\n`;
}

function chunkedBody(random: Random): Body {
  const pieces = Array.from({ length: random(6) }, () => randomData(random)).filter((data) => data !== '');
  const trailers = random(3) === 0 ? ['x-sum: seven', 'x-b: c'] : [];
  const end = `0\r\n${trailers.map((line) => `${line}\r\n`).join('')}\r\n`;
  return {
    data: pieces.join(''),
    framing: 'transfer-encoding: chunked\r\n',
    wire: pieces.map((data) => chunkOf(data, random)).join('') + end,
    trailers,
  };
}

function randomBody(random: Random): Body {
  if (random(2) === 0) return chunkedBody(random);
  const data = randomData(random);
  return { data, framing: `content-length: ${data.length}\r\n`, wire: data, trailers: [] };
}

/** One request and its answer. */
interface Case {
  readonly request: Body;
  readonly answer: Body;
  readonly interim: boolean;
  /** How the answer ends: as it should, with the connection, or cut off. */
  readonly end: 'framed' | 'closed' | 'cut';
}

function randomCase(random: Random, isLast: boolean): Case {
  const end = isLast
    ? (['framed', 'closed', 'cut'] as const)[random(3)]!
    : random(5) === 0
      ? 'closed'
      : 'framed';
  let answer = randomBody(random);
  if (end === 'closed') {
    const data = randomData(random);
    answer = { data, framing: '', wire: data, trailers: [] };
  }
  if (end === 'cut' && answer.wire.length < 2) answer = chunkedBody(random);
  return { request: randomBody(random), answer, interim: random(6) === 0, end };
}

function cutUp(wire: string, random: Random): string[] {
  const parts: string[] = [];
  const longest = [1, 7, 200, 3_000, wire.length][wire.length > 3_000 ? 2 + random(3) : random(5)]!;
  for (let at = 0; at < wire.length; ) {
    const end = at + 1 + random(longest);
    parts.push(wire.slice(at, end));
    at = end;
  }
  return parts;
}

async function writeAll(parts: readonly string[], write: (part: string) => unknown): Promise<void> {
  for (const part of parts) {
    await write(part);
    await nextTurn();
  }
}

async function respond(exchange: RawExchange, one: Case, random: Random): Promise<void> {
  const isEarly = random(8) === 0;
  if (!isEarly) expect((await exchange.whole()).toString('latin1')).toBe(one.request.data);
  const early = one.interim ? 'HTTP/1.1 103 Early Hints\r\nLink: </style>\r\n\r\n' : '';
  const wire = `${early}HTTP/1.1 200 OK\r\n${one.answer.framing}x-n: 1\r\n\r\n${one.answer.wire}`;
  const sent = one.end === 'cut' ? wire.slice(0, -1 - random(one.answer.wire.length - 1)) : wire;
  await writeAll(cutUp(sent, random), (part) => exchange.write(part));
  if (isEarly) expect((await exchange.whole()).toString('latin1')).toBe(one.request.data);
  if (one.end !== 'framed') exchange.end();
}

/** Sends the requests of a client on one connection, pipelined or each after the answer to the one before. */
async function play(client: RawClient, cases: readonly Case[], first: number, random: Random) {
  const wires = cases.map(
    ({ request }, i) => `POST /${first + i} HTTP/1.1\r\nHost: h\r\n${request.framing}\r\n${request.wire}`,
  );
  const answers: RawAnswer[] = [];
  const write = (part: string) => client.write(part);
  const isPipelining = random(2) === 0;
  let sending = isPipelining ? writeAll(cutUp(wires.join(''), random), write) : null;
  for (const wire of wires) {
    if (!isPipelining) sending = writeAll(cutUp(wire, random), write);
    if (random(3) === 0) {
      client.socket.pause();
      setTimeout(() => client.socket.resume(), 5);
    }
    answers.push(await client.next());
    // An early answer: what is left of the request is still to be written.
    if (!isPipelining) await sending;
  }
  await sending;
  return answers;
}

function checkAnswer(got: RawAnswer, wanted: Case, summary: string): void {
  const isWhole = wanted.end !== 'cut';
  expect({ summary, status: got.status, isWhole: got.isWhole }).toEqual({ summary, status: 200, isWhole });
  const body = isWhole ? wanted.answer.data : wanted.answer.data.slice(0, got.body.length);
  expect({ summary, body: got.body }).toEqual({ summary, body });
  if (isWhole)
    expect({ summary, trailers: got.trailers }).toEqual({ summary, trailers: wanted.answer.trailers });
  expect({ summary, interim: got.interim.length }).toEqual({ summary, interim: wanted.interim ? 1 : 0 });
}

const perClient = 12;

describe('the lane between raw clients and a raw backend', () => {
  it.each([1, 2, 3, 4])('passes on any framing cut anywhere, both ways (seed %i)', async (seed) => {
    const random = seeded(seed);
    const cases = Array.from({ length: 8 * perClient }, (_, i) =>
      randomCase(random, i % perClient === perClient - 1),
    );
    const rig = await LaneRig.start((exchange) =>
      respond(exchange, cases[Number(exchange.path.slice(1))]!, random),
    );
    const played = Array.from({ length: 8 }, async (_, n) => {
      const first = n * perClient;
      const own = cases.slice(first, first + perClient);
      const answers = await play(rig.client(), own, first, random);
      for (const [i, got] of answers.entries()) checkAnswer(got, own[i]!, `seed ${seed}, case ${first + i}`);
    });
    await Promise.all(played);
    expect(rig.backend.faults).toEqual([]);
    expect(rig.crossings).toHaveLength(cases.length);
    for (const crossing of rig.crossings) {
      const wanted = cases[Number(crossing.request.head.target.slice(1))]!;
      expect(await crossing.ended()).toBe(wanted.end === 'cut' ? 'reset' : 'answered');
      if (wanted.end !== 'cut') expect(crossing.received).toBe(wanted.answer.data);
      expect(crossing.told.at(-1)).toMatch(/^end /);
    }
    expect(rig.lane.counts.heldBytes).toBe(0);
  });
});
