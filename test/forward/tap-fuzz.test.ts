import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Dispatcher, Pool } from 'undici';
import { describe, expect, it } from 'vitest';
import type { RelaySink, Tap, TapHandler } from '../../src/forward/tap.ts';
import { createTapPool } from '../../src/forward/tap-client.ts';
import { startRawBackend, writeParts } from './tap-fixture.ts';

type Random = (below: number) => number;

/** What a backend sends for one request and what the client is to make of it. */
interface Case {
  readonly parts: string[];
  /** The body up to where the response ends or breaks. */
  readonly body: string;
  readonly trailer: string | undefined;
  readonly isWhole: boolean;
  readonly isClosed: boolean;
}

// mulberry32
function seeded(seed: number): Random {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

function randomChunk(random: Random): { wire: string; data: string } {
  const length = 1 + random([6, 40, 3_000, 3_000, 90_000][random(random(4) === 0 ? 5 : 2)]!);
  const letter = 'abcdef0123456789\r\n;'.charAt(random(19));
  const data = letter.repeat(length);
  const digits = random(2) === 0 ? length.toString(16) : length.toString(16).toUpperCase();
  const line = random(4) === 0 ? digits.padStart(digits.length + random(9 - digits.length), '0') : digits;
  return { wire: `${line}${random(40) === 0 ? ';x="y"' : ''}\r\n${data}\r\n`, data };
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

function randomCase(random: Random): Case {
  const chunks = Array.from({ length: random(8) }, () => randomChunk(random));
  const early = random(6) === 0 ? 'HTTP/1.1 103 Early Hints\r\nLink: </style>\r\n\r\n' : '';
  const head = `${early}HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n`;
  const chunksWire = chunks.map((chunk) => chunk.wire).join('');
  const body = chunks.map((chunk) => chunk.data).join('');
  const trailer = random(4) === 0 ? 'seven' : undefined;
  const whole = `${chunksWire}0\r\n${trailer === undefined ? '' : `X-Sum: ${trailer}\r\n`}\r\n`;
  const broken = (wire: string, extra = '') => ({ wire, body: body + extra, isWhole: false });
  const kinds = [
    () => broken(whole.slice(0, -1 - random(whole.length))),
    () => broken(`${chunksWire}3\r\nxyzzy\r\n`, 'xyz'),
    () => broken(`${chunksWire}${['zz', '', '5\nx', '-5', '5 x'][random(5)]}\r\nabc\r\n`),
    () => ({ wire: `${whole}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`, body, isWhole: true }),
  ];
  const made = kinds[random(24)]?.() ?? { wire: whole, body, isWhole: true };
  // Relaying begins where a read begins with a chunk: most backends write chunk by chunk, and so do most cases here.
  const firstChunks = chunks
    .slice(0, random(3))
    .map((chunk) => chunk.wire)
    .join('');
  const aligned = [
    ...cutUp(head + firstChunks, random),
    ...cutUp(made.wire.slice(firstChunks.length), random),
  ];
  const parts = random(4) === 0 ? cutUp(head + made.wire, random) : aligned;
  return {
    parts,
    body: made.body,
    isWhole: made.isWhole,
    trailer: made.isWhole ? trailer : undefined,
    isClosed: !made.isWhole,
  };
}

/** The gateway's part in short: chunks go to the client's socket as they came where the tap allows it. */
class FrontHandler implements Dispatcher.DispatchHandler, TapHandler, RelaySink {
  static relayedBytes = 0;
  tap: Tap | null = null;
  readonly #res: ServerResponse;

  constructor(res: ServerResponse) {
    this.#res = res;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#res.once('close', () => this.#res.writableFinished || controller.abort(new Error('client gone')));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, statusCode: number): void {
    if (statusCode < 200) return;
    this.#res.writeHead(statusCode, { 'transfer-encoding': 'chunked' });
    this.#res.flushHeaders();
    this.tap?.relayTo(this);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#res.write(chunk)) return;
    controller.pause();
    this.#res.once('drain', () => controller.resume());
  }

  relay(bytes: Buffer, length: number): boolean {
    FrontHandler.relayedBytes += length;
    const socket = this.#res.socket!;
    const wantsMore = socket.write(bytes.toString('latin1', 0, length), 'latin1');
    if (!wantsMore) socket.once('drain', () => this.tap?.resume());
    return wantsMore;
  }

  onResponseEnd(_controller: Dispatcher.DispatchController, trailers: Record<string, string>): void {
    this.#res.addTrailers(trailers);
    this.#res.end();
  }

  onResponseError(): void {
    this.#res.destroy();
  }
}

async function startFront(pool: Pool) {
  const server = createServer((req, res) =>
    pool.dispatch({ path: req.url!, method: 'GET' }, new FrontHandler(res)),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

async function readAnswer(options: { port: number; agent: Agent; path: string }, isSlow: boolean) {
  const got = { body: '', isWhole: false, trailer: undefined as string | undefined };
  try {
    const [res] = (await once(request(options).end(), 'response')) as [IncomingMessage];
    res.setEncoding('latin1');
    for await (const text of res) {
      got.body += text;
      for (let i = 0; isSlow && i < 5; i++) await nextTurn();
    }
    got.isWhole = res.complete;
    got.trailer = res.trailers['x-sum'];
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toBe('ECONNRESET');
  }
  return got;
}

async function runCases(seed: number, count: number) {
  const random = seeded(seed);
  const cases = Array.from({ length: count }, () => randomCase(random));
  const backend = await startRawBackend(async (socket, head) => {
    const { parts, isClosed } = cases[Number(/^GET \/(\d+)/.exec(head)![1])]!;
    await writeParts(socket, parts, 1);
    if (isClosed) socket.end();
  });
  const pool = createTapPool(backend.origin, {
    connections: 6,
    connectTimeoutMs: 5_000,
    keepAliveTimeoutMs: 4_000,
  });
  const { server, port } = await startFront(pool);
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  await Promise.all(
    cases.map(async (wanted, index) => {
      const got = await readAnswer({ port, agent, path: `/${index}` }, index % 5 === 0);
      const body = wanted.isWhole ? wanted.body : wanted.body.slice(0, got.body.length);
      const summary = `seed ${seed}, case ${index}`;
      expect({ summary, ...got }).toEqual({
        summary,
        body,
        isWhole: wanted.isWhole,
        trailer: wanted.trailer,
      });
    }),
  );
  agent.destroy();
  server.close();
  await pool.destroy();
  await backend.close();
  return { connections: backend.connections.length, cuts: cases.filter((one) => !one.isWhole).length };
}

describe('the tap between a raw backend and node:http', () => {
  it.each([1, 2, 3, 4])('passes on any framing cut anywhere (seed %i)', async (seed) => {
    FrontHandler.relayedBytes = 0;
    const { connections, cuts } = await runCases(seed, 120);
    expect(FrontHandler.relayedBytes).toBeGreaterThan(50_000);
    expect(cuts).toBeGreaterThan(5);
    expect(connections).toBeLessThan(60);
  });
});
