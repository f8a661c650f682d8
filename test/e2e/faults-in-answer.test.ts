import { afterEach, describe, expect, it } from 'vitest';
import { answerOk, type Script } from '../support/raw-backend.ts';
import { type RawClient, rawChat } from '../support/raw-client.ts';
import { chunk } from '../support/raw-message.ts';
import { modelsAt, Rig } from '../support/raw-rig.ts';

const rig = new Rig();
afterEach(() => rig.close());

const limits = 'concurrency: 1\n    timeouts: { firstByte: 5s, idle: 400ms }';
const sseHead = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n';
const chunked = `${sseHead}transfer-encoding: chunked\r\n\r\n`;
const event = 'data: {"n":1}\n\n';

interface Fault {
  readonly fault: string;
  /** What it sends once it has the whole request. */
  readonly sends: readonly (string | Buffer)[];
  readonly ending: 'reset' | 'end' | 'wait';
  /** The error event that may stand at the end; null: none may. */
  readonly code: string | null;
}

const broken: readonly Fault[] = [
  {
    fault: 'a stream reset at the end of an event',
    sends: [chunked, chunk(event), chunk(event)],
    ending: 'reset',
    code: 'backend_reset',
  },
  {
    fault: 'a stream closed at the end of an event',
    sends: [chunked, chunk(event), chunk(event)],
    ending: 'end',
    code: 'backend_reset',
  },
  {
    fault: 'a stream reset within an event',
    sends: [chunked, chunk(event), chunk(event), chunk('data: {"n"')],
    ending: 'reset',
    code: null,
  },
  {
    fault: 'a stream closed within an event',
    sends: [chunked, chunk(event), chunk(event), chunk('data: {"n"')],
    ending: 'end',
    code: null,
  },
  {
    fault: 'a stream closed after a line end in a chunk of its own',
    sends: [chunked, chunk(event), chunk(event), chunk('data: {"n":2}'), chunk('\n')],
    ending: 'end',
    code: null,
  },
  {
    fault: 'a stream closed after a line end of two bytes in a chunk of its own',
    sends: [chunked, chunk(event), chunk(event), chunk('data: {"n":2}'), chunk('\r\n')],
    ending: 'end',
    code: null,
  },
  {
    fault: 'a stream closed within an event that begins in the same chunk as the last one ends',
    sends: [chunked, chunk(event), chunk(event), `64\r\n${event}da`],
    ending: 'end',
    code: null,
  },
  {
    fault: 'a stream that stalls at the end of an event',
    sends: [chunked, chunk(event), chunk(event)],
    ending: 'wait',
    code: 'backend_timeout',
  },
  {
    fault: 'a stream that stalls within an event',
    sends: [chunked, chunk(event), chunk(event), chunk('data: {')],
    ending: 'wait',
    code: null,
  },
  {
    fault: 'a stream with a bad chunk size',
    sends: [chunked, chunk(event), chunk(event), 'zz\r\nhello\r\n'],
    ending: 'wait',
    code: 'backend_bad_response',
  },
  {
    fault: 'a stream with a chunk longer than it said',
    sends: [chunked, chunk(event), chunk(event), '2\r\nlonger\r\n'],
    ending: 'wait',
    code: null,
  },
  {
    fault: 'a stream closed within a size line',
    sends: [chunked, chunk(event), chunk(event), '1'],
    ending: 'end',
    code: 'backend_reset',
  },
  {
    fault: 'a stream closed within its last chunk',
    sends: [chunked, chunk(event), chunk(event), '0\r\n'],
    ending: 'end',
    code: 'backend_reset',
  },
  {
    fault: 'a stream in an encoding',
    sends: [`${sseHead}content-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n`, chunk(event)],
    ending: 'end',
    code: null,
  },
  {
    fault: 'a stream of known length, closed at the end of an event',
    sends: [`${sseHead}content-length: 100\r\n\r\n`, event],
    ending: 'end',
    code: null,
  },
  {
    fault: 'a stream of known length that stalls at the end of an event',
    sends: [`${sseHead}content-length: 100\r\n\r\n`, event],
    ending: 'wait',
    code: null,
  },
  {
    fault: 'a stream without framing, reset',
    sends: [`${sseHead}\r\n`, event],
    ending: 'reset',
    code: 'backend_reset',
  },
  {
    fault: 'JSON of known length, closed',
    sends: ['HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n', '{"half":'],
    ending: 'end',
    code: null,
  },
  {
    fault: 'JSON of known length, closed on a connection that was to close',
    sends: ['HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\n', '{"half":'],
    ending: 'end',
    code: null,
  },
  {
    fault: 'JSON of known length that stalls',
    sends: ['HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n', '{"half":'],
    ending: 'wait',
    code: null,
  },
  {
    fault: 'JSON in chunks, reset at the end of a line',
    sends: ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n', chunk('{"half":\n\n')],
    ending: 'reset',
    code: null,
  },
];

/** How often the first event, or the half of a JSON body, stands in `text`. */
const count = (text: string) => text.split(/data: \{"n":1\}|\{"half":/).length - 1;

/**
 * Each part only when the client has got the one before, so that no reset overtakes it, and that from the second event on
 * they pass from socket to socket.
 */
function scriptOf({ sends, ending }: Fault, client: RawClient): Script {
  return async (exchange) => {
    await exchange.whole();
    let sent = 0;
    for (const part of sends) {
      await exchange.write(part);
      sent += count(part.toString());
      await client.until(new RegExp(`^${'[^]*(data: |half)'.repeat(sent)}`));
    }
    if (ending !== 'wait') exchange[ending]();
  };
}

describe.each(['a fresh', 'a reused'])('on %s connection,', (connection) => {
  it.each(broken)('$fault is cut, never ended, and the next request works', async (fault) => {
    const backend = await rig.backend(answerOk);
    await rig.start(modelsAt([backend.url], limits));
    if (connection === 'a reused') {
      const first = rig.client();
      first.write(rawChat());
      expect((await first.next()).body).toBe('ok');
    }
    const before = backend.exchanges.length;
    const client = rig.client();
    backend.script = scriptOf(fault, client);
    client.write(rawChat({ stream: true }));
    await client.closed();
    await client.closed();
    const answer = await client.answer();
    expect([answer.status, answer.isWhole, answer.code]).toEqual([200, false, fault.code]);
    expect(answer.body).not.toContain('[DONE]');
    if (fault.code !== null) {
      const told = answer.body.slice(answer.body.lastIndexOf(event) + event.length);
      expect(told).toMatch(/^(event: error\n)?data: \{.*\}\n\n$/);
    } else expect(answer.body).not.toContain('error');
    await backend.exchanges[before]!.closed();
    backend.script = answerOk;
    const next = rig.client();
    next.write(rawChat());
    expect((await next.answer()).body).toBe('ok');
    expect(backend.exchanges).toHaveLength(connection === 'a reused' ? 3 : 2);
    expect(Math.max(...backend.countById().values())).toBe(1);
    await rig.untilNothingIsHeld();
  });
});
