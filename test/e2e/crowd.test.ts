import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { errorTable } from '../../src/core/error-table.ts';
import { answerOk, type RawBackend, type RawExchange, type Script } from '../support/raw-backend.ts';
import { type RawClient, rawChat } from '../support/raw-client.ts';
import { chunk } from '../support/raw-message.ts';
import { modelsAt, Rig } from '../support/raw-rig.ts';

const rig = new Rig();
afterEach(() => rig.close());

const crowd = 1_000;
const limit = 10;
const model = (url: string, more = 0) =>
  modelsAt(
    [url],
    `concurrency: ${limit}\n    queue: { max: ${2000 + more} }\n    timeouts: { firstByte: 1s, idle: 500ms }`,
  );

/** Numbers from 0 up to 1, the same ones for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/**
 * A cold backend (nobody listens), the gateway before it, and how many requests it ever had at once. It answers with the
 * request's number, after so many turns of the loop.
 */
async function cold(turns: () => number): Promise<{ backend: RawBackend; peak: () => number }> {
  let running = 0;
  let peak = 0;
  const backend = await rig.backend(async (exchange) => {
    peak = Math.max(peak, ++running);
    const end = () => running--;
    exchange.socket.once('close', end);
    await exchange.whole();
    for (let left = turns(); left > 0; left--) await turn();
    if (exchange.isClosed) return;
    // Before the answer leaves: the gateway may send the next request as soon as it has it.
    exchange.socket.off('close', end);
    end();
    await exchange.answer(String(numberOf(exchange)));
  });
  await backend.refuse();
  await rig.start(model(backend.url));
  return { backend, peak: () => peak };
}

const untilWaiting = (waiting: number) =>
  expect.poll(async () => (await rig.holdings()).waiting, { timeout: 15_000 }).toBe(waiting);

/** Clients 0, 1, 2, ..., each of which has its request with the gateway before the next one writes. */
async function arrive(count: number): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  for (let n = 0; n < count; n++) {
    const client = rig.client();
    await client.send(rawChat({ n }));
    clients.push(client);
  }
  await untilWaiting(count);
  return clients;
}

const numberOf = (exchange: RawExchange) => (JSON.parse(exchange.body.bytes.toString()) as { n: number }).n;

/** What a client's request came to: the backend's answer, whole or cut, a named error, or the client left. */
async function outcomeOf(client: RawClient): Promise<string> {
  const answer = await client.answer().catch((error: unknown) => String(error));
  if (typeof answer === 'string') return answer;
  if (answer.code !== null) return answer.code;
  return answer.isWhole ? answer.body : 'cut';
}

describe('the crowd', () => {
  it('of 1,000 before a cold model with a limit of 10 is answered, all of it, and in little memory', async () => {
    const before = process.memoryUsage().rss;
    const { backend, peak } = await cold(() => 10);
    const clients = await arrive(crowd);
    const grown = process.memoryUsage().rss - before;
    await backend.listen();
    const answers = await Promise.all(clients.map(outcomeOf));
    expect(answers).toEqual(Array.from({ length: crowd }, (_, n) => String(n)));
    expect(peak()).toBe(limit);
    expect([...backend.countById().values()]).toEqual(Array(crowd).fill(1));
    // Both ends of every connection are in this process.
    expect(grown).toBeLessThan(200 * 1024 * 1024);
    await rig.untilNothingIsHeld();
  });

  it('is served in the order of its arrival', async () => {
    const backend = await rig.backend(answerOk);
    await backend.refuse();
    await rig.start(modelsAt([backend.url], 'concurrency: 1\n    queue: { max: 2000 }'));
    const clients = await arrive(200);
    await backend.listen();
    expect(new Set(await Promise.all(clients.map(outcomeOf)))).toEqual(new Set(['ok']));
    expect(backend.exchanges.map(numberOf)).toEqual(Array.from({ length: 200 }, (_, n) => n));
  });

  it('of which half leaves at any moment leaves nothing behind, and the other half is answered', async () => {
    const random = randomOf(7);
    const { backend, peak } = await cold(() => Math.floor(random() * 10));
    const clients = await arrive(crowd);
    const leaving = clients.filter((_, n) => n % 2 === 0);
    const staying = clients.filter((_, n) => n % 2 === 1);
    const early = leaving.splice(0, 250);
    for (const client of early) client.leave(random() < 0.5 ? 'fin' : 'rst');
    await untilWaiting(crowd - early.length);
    const answers = Promise.all(staying.map(outcomeOf));
    await backend.listen();
    for (const client of leaving) {
      await turn();
      client.leave(random() < 0.5 ? 'fin' : 'rst');
    }
    expect(await answers).toEqual(Array.from({ length: crowd / 2 }, (_, n) => String(2 * n + 1)));
    expect(peak()).toBe(limit);
    expect(Math.max(...backend.countById().values())).toBe(1);
    await rig.untilNothingIsHeld();
  });
});

const chunked = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';
/** What a bad backend does with a request, and what its client may get then. */
const deeds: readonly { readonly script: Script; readonly outcomes: readonly string[] }[] = [
  { script: answerOk, outcomes: ['ok'] },
  { script: answerOk, outcomes: ['ok'] },
  { script: (exchange) => exchange.reset(), outcomes: ['backend_reset'] },
  { script: (exchange) => exchange.end(), outcomes: ['backend_reset'] },
  { script: (exchange) => exchange.write('garbage\r\n\r\n'), outcomes: ['backend_bad_response'] },
  { script: () => undefined, outcomes: ['backend_timeout'] },
  {
    script: async (exchange) => {
      await exchange.write(chunked);
      await exchange.write(chunk('half'));
      exchange.reset();
    },
    outcomes: ['cut', 'backend_reset'],
  },
  {
    script: async (exchange) => {
      await exchange.write(`${chunked}5\r\nwhole\r\n0\r\n\r\n`);
      exchange.end();
    },
    outcomes: ['whole'],
  },
  { script: (exchange) => exchange.answer('Loading model', '503 X'), outcomes: ['ok', 'whole'] },
];

describe('the crowd, in a long run with a backend that behaves as badly as its clients', () => {
  it.each([1, 2])(
    'and a configuration that changes all the time, ends every request in an answer or a named error, each sent once (seed %i)',
    async (seed) => {
      const random = randomOf(seed);
      const deedById = new Map<string, (typeof deeds)[number][]>();
      const backend = await rig.backend(async (exchange) => {
        await exchange.whole();
        const deed = deeds[Math.floor(random() * deeds.length)]!;
        deedById.set(exchange.requestId, [...(deedById.get(exchange.requestId) ?? []), deed]);
        await deed.script(exchange);
      });
      await rig.start(model(backend.url));
      const endAtMs = performance.now() + 7_500;
      const outcomes = new Map<string, number>();
      const unnamed: string[] = [];
      const oneClient = async () => {
        while (performance.now() < endAtMs) {
          const client = rig.client();
          client.write(rawChat({ padding: 'x'.repeat(Math.floor(random() * 20_000)) }));
          if (random() < 0.2) {
            for (let turns = Math.floor(random() * 20); turns > 0; turns--) await turn();
            client.leave(random() < 0.5 ? 'fin' : 'rst');
            await client.closed();
          } else {
            const outcome = await outcomeOf(client);
            outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
            if (!['ok', 'whole', 'cut'].includes(outcome) && !(outcome in errorTable)) unnamed.push(outcome);
            client.destroy();
          }
        }
      };
      const reloads = async () => {
        for (let n = 1; performance.now() < endAtMs; n++) {
          await delay(150);
          // In place, and by another revision with the same server in it.
          rig.reload(n % 4 < 2 ? model(backend.url, n) : model(`${backend.url}/next`, n));
        }
      };
      await Promise.all([...Array.from({ length: 40 }, oneClient), reloads()]);
      expect(unnamed).toEqual([]);
      for (const outcome of deeds.flatMap((deed) => deed.outcomes.slice(0, 1))) {
        expect(outcomes.get(outcome), outcome).toBeGreaterThan(0);
      }
      // More than once only after answers that said that nothing was done.
      const loading = deeds.at(-1)!;
      for (const done of deedById.values()) {
        expect(done.slice(0, -1).every((deed) => deed === loading)).toBe(true);
      }
      await rig.untilNothingIsHeld();
    },
  );
});
