import { afterEach, describe, expect, it } from 'vitest';
import { answerOk, type Script } from '../support/raw-backend.ts';
import { rawChat } from '../support/raw-client.ts';
import { modelsAt, Rig } from '../support/raw-rig.ts';

const rig = new Rig();
afterEach(() => rig.close());

const padding = 'x'.repeat(100_000);
const half = 50_000;

interface Fault {
  readonly fault: string;
  readonly script: Script;
  readonly status: number;
  readonly code: string;
}

const afterHead =
  (how: 'reset' | 'end'): Script =>
  (exchange) =>
    exchange[how]();
const afterHalf =
  (how: 'reset' | 'end'): Script =>
  async (exchange) => {
    await exchange.untilBytes(half);
    exchange[how]();
  };
const afterWhole =
  (how: 'reset' | 'end'): Script =>
  async (exchange) => {
    await exchange.whole();
    exchange[how]();
  };
/** Reads the request and writes this; then closes, or waits until it is cut off. */
const says =
  (text: string, then: 'end' | 'wait' = 'wait'): Script =>
  async (exchange) => {
    await exchange.whole();
    await exchange.write(text);
    if (then === 'end') exchange.end();
  };

const reset = { status: 502, code: 'backend_reset' };
const notHttp = { status: 502, code: 'backend_bad_response' };
const late = { status: 504, code: 'backend_timeout' };
const manyFields = Array.from({ length: 40 }, (_, n) => `x-${n}: ${'v'.repeat(1_000)}\r\n`).join('');

const faults: readonly Fault[] = [
  { fault: 'resets after the head', script: afterHead('reset'), ...reset },
  { fault: 'resets in the middle of the body', script: afterHalf('reset'), ...reset },
  { fault: 'resets after the whole body', script: afterWhole('reset'), ...reset },
  { fault: 'closes after the head', script: afterHead('end'), ...reset },
  { fault: 'closes in the middle of the body', script: afterHalf('end'), ...reset },
  { fault: 'closes after the whole body', script: afterWhole('end'), ...reset },
  { fault: 'closes within its own head', script: says('HTTP/1.1 200 OK\r\ncontent-ty', 'end'), ...reset },
  { fault: 'stalls within its own head', script: says('HTTP/1.1 200 OK\r\ncontent-ty'), ...late },
  { fault: 'never answers', script: says(''), ...late },
  { fault: 'speaks another protocol', script: says('SSH-2.0-OpenSSH_9.9\r\n'), ...notHttp },
  { fault: 'answers with bytes at random', script: says('\x00\xff\x13\x37\r\n\r\n'), ...notHttp },
  { fault: 'has no status', script: says('HTTP/1.1 abc OK\r\n\r\n'), ...notHttp },
  { fault: 'has a broken field', script: says('HTTP/1.1 200 OK\r\nno colon\r\n\r\n'), ...notHttp },
  {
    fault: 'has a broken length',
    script: says('HTTP/1.1 200 OK\r\ncontent-length: ten\r\n\r\n'),
    ...notHttp,
  },
  {
    fault: 'has two framings',
    script: says(
      'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    ),
    ...notHttp,
  },
  {
    fault: 'has two lengths',
    script: says('HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello'),
    ...notHttp,
  },
  { fault: 'has a huge head', script: says(`HTTP/1.1 200 OK\r\n${manyFields}\r\n`), ...notHttp },
  {
    fault: 'switches protocols unasked',
    script: says('HTTP/1.1 101 X\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
    ...notHttp,
  },
  {
    fault: 'closes before the first byte of a body of known length',
    script: says('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n', 'end'),
    ...reset,
  },
  {
    fault: 'stalls before the first byte of a body of known length',
    script: says('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n'),
    ...late,
  },
  {
    fault: 'stalls in the middle of a 503 that may mean loading',
    script: says('HTTP/1.1 503 X\r\ncontent-length: 500\r\n\r\nLoading'),
    ...late,
  },
  {
    fault: 'closes in the middle of a 503 that may mean loading',
    script: says('HTTP/1.1 503 X\r\ncontent-length: 500\r\n\r\nLoading model', 'end'),
    ...reset,
  },
];

const limits = 'concurrency: 1\n    timeouts: { firstByte: 400ms, idle: 400ms }';

describe.each(['a fresh', 'a reused'])('on %s connection, a backend that', (connection) => {
  it.each(faults)(
    '$fault gives $status $code, gets the request once, and serves the next',
    async ({ script, ...told }) => {
      const backend = await rig.backend(answerOk);
      await rig.start(modelsAt([backend.url], limits));
      const client = rig.client();
      if (connection === 'a reused') {
        client.write(rawChat());
        expect((await client.next()).body).toBe('ok');
      }
      const before = backend.exchanges.length;
      backend.script = script;
      client.write(rawChat({ padding }));
      const answer = await client.next();
      expect([answer.status, answer.code]).toEqual([told.status, told.code]);
      expect(answer.fields.get('content-type')).toBe('application/json');
      expect(answer.fields.get('x-should-retry')).toBe('false');
      expect(answer.fields.get('x-request-id')).toBe(backend.exchanges[before]!.requestId);
      expect(backend.exchanges).toHaveLength(before + 1);
      await backend.exchanges[before]!.closed();
      backend.script = answerOk;
      client.write(rawChat());
      expect((await client.next()).body).toBe('ok');
      expect(Math.max(...backend.countById().values())).toBe(1);
      await rig.untilNothingIsHeld();
    },
  );
});

describe('a backend that', () => {
  it('resets connections before it reads is waited for where nothing was written, else gives 502', async () => {
    const backend = await rig.backend(answerOk);
    await rig.start(modelsAt([backend.url], limits));
    await rig.untilReady('m', 1);
    const { promise: wasReset, resolve } = Promise.withResolvers<void>();
    backend.onConnection = (socket) => {
      socket.resetAndDestroy();
      resolve();
    };
    const client = rig.client();
    client.write(rawChat({ padding }));
    await wasReset;
    backend.onConnection = () => undefined;
    const answer = await client.next();
    expect(['ok', 'backend_reset']).toContain(answer.code ?? answer.body);
    expect(backend.exchanges).toHaveLength(answer.code === null ? 1 : 0);
    client.write(rawChat());
    expect((await client.next()).body).toBe('ok');
    await rig.untilNothingIsHeld();
  });

  it('refuses the connection is waited for: the request is served when it is back, and was sent once', async () => {
    const backend = await rig.backend(answerOk);
    await rig.start(modelsAt([backend.url], limits));
    const client = rig.client();
    client.write(rawChat());
    expect((await client.next()).body).toBe('ok');
    await backend.refuse();
    for (const socket of backend.sockets) socket.destroy();
    client.write(rawChat({ padding }));
    await expect.poll(() => rig.holdings()).toMatchObject({ waiting: 1, inFlight: 0 });
    await backend.listen();
    expect((await client.next()).body).toBe('ok');
    expect(backend.exchanges).toHaveLength(2);
    await rig.untilNothingIsHeld();
  });

  it('refuses until the deadline gives 502 backend_unreachable', async () => {
    const backend = await rig.backend(answerOk);
    await rig.start(modelsAt([backend.url], `${limits}\n    queue: { timeout: 500ms }`));
    const client = rig.client();
    client.write(rawChat());
    expect((await client.next()).body).toBe('ok');
    await backend.refuse();
    for (const socket of backend.sockets) socket.destroy();
    client.write(rawChat({ padding }));
    const answer = await client.next();
    expect([answer.status, answer.code, answer.fields.get('x-should-retry')]).toEqual([
      502,
      'backend_unreachable',
      'true',
    ]);
    expect(backend.exchanges).toHaveLength(1);
    await rig.untilNothingIsHeld();
  });

  it('says that it loads is asked again, with the same request, until it does not', async () => {
    let loads = 3;
    const backend = await rig.backend(async (exchange) => {
      await exchange.whole();
      if (loads-- > 0) await exchange.answer('{"error":"Loading model"}', '503 Service Unavailable');
      else await exchange.answer('ok');
    });
    await rig.start(modelsAt([backend.url], limits));
    const client = rig.client();
    client.write(rawChat({ padding }));
    expect((await client.answer()).body).toBe('ok');
    expect([...backend.countById().values()]).toEqual([4]);
    await rig.untilNothingIsHeld();
  });

  it('answers 503 for another reason is not asked again', async () => {
    const backend = await rig.backend(async (exchange) => {
      await exchange.whole();
      await exchange.answer('{"error":"overloaded"}', '503 Service Unavailable');
    });
    await rig.start(modelsAt([backend.url], limits));
    const client = rig.client();
    client.write(rawChat());
    const answer = await client.answer();
    expect([answer.status, answer.body]).toEqual([503, '{"error":"overloaded"}']);
    expect(backend.exchanges).toHaveLength(1);
  });

  it('closes an idle connection at the moment of the next request never gets that request twice', async () => {
    const backend = await rig.backend(answerOk);
    await rig.start(modelsAt([backend.url], limits));
    const client = rig.client();
    const outcomes = new Set<string>();
    for (let round = 0; round < 30; round++) {
      backend.script = answerOk;
      client.write(rawChat({ round }));
      const first = await client.next();
      outcomes.add(first.code ?? first.body);
      // Closed between two and no turns of the loop before the gateway can have the next one.
      const close = () => {
        for (const socket of backend.sockets) socket.end();
      };
      if (round % 3 === 0) close();
      else if (round % 3 === 1) setImmediate(close);
      else setImmediate(() => setImmediate(close));
      client.write(rawChat({ round, second: true }));
      const second = await client.next();
      outcomes.add(second.code ?? second.body);
    }
    expect([...outcomes].filter((outcome) => outcome !== 'ok' && outcome !== 'backend_reset')).toEqual([]);
    expect(Math.max(...backend.countById().values())).toBe(1);
    await rig.untilNothingIsHeld();
  });
});
