import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findHead } from '../../../src/relay/http1/byte-store.ts';
import { ChunkReader } from '../../../src/relay/http1/chunk-reader.ts';
import { Fault, readRequestHead } from '../../../src/relay/http1/request-head.ts';
import { any, chunks, fields, lengths, targets } from '../../support/smuggling-forms.ts';

/** What a reader makes of the bytes of one request. */
interface Reading {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly string[];
  readonly body: string;
  /** Bytes behind the request. */
  readonly rest: string;
}

const peer = { address: '127.0.0.1', port: 1, isTls: false };

/** What this lane makes of it; null: refused, or not complete. */
function ownReading(bytes: Buffer): Reading | null {
  const found = findHead(bytes, 0, bytes.length, 0);
  if (found === null) return null;
  const head = readRequestHead(found.text, found.end, peer, 1_000);
  if (head instanceof Fault) return null;
  const start = found.end + 2;
  const request = { method: head.method, target: head.target, fields: [...head.fields] };
  if (head.bodyBytes !== null) {
    const end = start + head.bodyBytes;
    if (end > bytes.length) return null;
    const body = bytes.toString('latin1', start, end);
    return { ...request, body, rest: bytes.toString('latin1', end) };
  }
  const reader = new ChunkReader();
  if (reader.read(bytes, start, bytes.length) !== 'done') return null;
  let body = '';
  for (let i = 0; i < reader.spans.length; i += 2)
    body += bytes.toString('latin1', reader.spans[i], reader.spans[i + 1]);
  return { ...request, body, rest: bytes.toString('latin1', reader.end) };
}

let server: Server;
let take: (req: IncomingMessage) => void = () => undefined;

beforeAll(async () => {
  server = createServer({ insecureHTTPParser: false, maxHeaderSize: 64 * 1024 }, (req, res) => {
    take(req);
    res.end();
  });
  server.on('checkExpectation', (_req, res) => res.end());
  server.on('clientError', (_error, socket) => socket.destroy());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => server.close());

/** A request behind another, so that where the first one ends is seen. */
const probe = 'GET /probe HTTP/1.1\r\nhost: p\r\nconnection: close\r\n\r\n';

/** What Node makes of it, and whether it read the request behind it as one; null: refused. */
async function nodeReading(bytes: Buffer) {
  const taken: { req: IncomingMessage; body: string }[] = [];
  take = (req) => {
    const one = { req, body: '' };
    taken.push(one);
    req.on('data', (chunk: Buffer) => {
      one.body += chunk.toString('latin1');
    });
  };
  const socket = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  socket.resume();
  socket.write(Buffer.concat([bytes, Buffer.from(probe)]));
  await once(socket, 'close');
  const [first, second] = taken;
  if (first === undefined) return null;
  const { method, url, rawHeaders } = first.req;
  const named = rawHeaders.map((text, i) => (i % 2 === 0 ? text.toLowerCase() : text));
  return {
    method,
    target: url,
    fields: named,
    body: first.body,
    isBoundaryAgreed: second?.req.url === '/probe',
  };
}

const names = ['x-a', 'content-length', 'transfer-encoding', 'X-B', 'accept', 'x_y', 'cookie', "x!'*"];
const line = fc.tuple(
  fc.constantFrom(...names),
  fc.constantFrom(':', ': ', ':\t', ' :', ':  '),
  fc.oneof(
    fc.constantFrom('5', '0', '3', 'chunked', 'Chunked', 'b c', '', '\xe9', 'a\tb', '\x01', 'a\rb', 'a\0'),
    fc.string({ maxLength: 8 }),
  ),
  fc.constantFrom('', ' ', '\t '),
  fc.constantFrom('\r\n', '\r\n', '\r\n', '\r\n', '\n', '\r', '\r\n '),
);
const chunk = fc.tuple(
  fc.constantFrom('3', '03', '1', 'A', 'a', '0', '3 ', '', 'g'),
  fc.constantFrom('', '', '', ';x', ';x=y', ';x="q r"', '; x', ';', ';x=\n'),
  fc.constantFrom('\r\n', '\r\n', '\r\n', '\n'),
  fc.constantFrom('abc', 'abc\r\n', 'a\r\n', 'abcdefghij\r\n', '\r\n'),
);
const requestText = fc
  .tuple(
    fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'QUERY', 'M-SEARCH', 'get', 'FOO'),
    fc.oneof(
      fc.constantFrom('/', '/a?b=c', '/a|b[]{}', 'http://h/x', 'http://h', '*', '/%zz', '//x', '/\x7f', '/é'),
      fc.string({ maxLength: 6 }).map((text) => `/${text}`),
    ),
    fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/1.2', 'http/1.1'),
    fc.constantFrom('host: h\r\n', 'Host:h \r\n', 'host: h:80\r\n', 'host:\r\n', 'host: [::1]:8\r\n', ''),
    fc.array(line, { maxLength: 4 }),
    fc.constantFrom('', 'content-length: 5\r\n', 'transfer-encoding: chunked\r\n'),
    fc.oneof(
      fc.constantFrom('', 'hello', 'hellothere', '0\r\n\r\n', '5\r\nhello\r\n0\r\nx-t: 1\r\n\r\n'),
      fc.array(chunk, { maxLength: 3 }).map((all) => `${all.map((one) => one.join('')).join('')}0\r\n\r\n`),
    ),
  )
  .map(([method, target, version, host, lines, framing, body]) => {
    const text = lines.map((parts) => parts.join('')).join('');
    return `${method} ${target} ${version}\r\n${host}${text}${framing}\r\n${body}`;
  });

/** Cut down to what the lane takes for one request, which Node has to read in the same way. */
async function isReadAlike(text: string): Promise<boolean> {
  const bytes = Buffer.from(text, 'latin1');
  const own = ownReading(bytes);
  if (own === null) return false;
  const wire = bytes.subarray(0, bytes.length - own.rest.length);
  const theirs = await nodeReading(wire);
  const isKept = /^[^\r]* HTTP\/1\.1\r\n/.test(text);
  // Node leaves a target in absolute form as it is.
  const target = theirs?.target?.startsWith('http') ? own.target : theirs?.target;
  expect({ text, ...theirs, target, isBoundaryAgreed: theirs?.isBoundaryAgreed || !isKept }).toEqual({
    text,
    method: own.method,
    target: own.target,
    fields: own.fields,
    body: own.body,
    isBoundaryAgreed: true,
  });
  return true;
}

describe('the reader of requests', () => {
  it("takes nothing that Node's parser refuses, and reads the same out of it", async () => {
    let alike = 0;
    await fc.assert(
      fc.asyncProperty(requestText, async (text) => {
        if (await isReadAlike(text)) alike++;
      }),
      { numRuns: 2_500 },
    );
    expect(alike).toBeGreaterThan(100);
  });

  it('agrees with Node about what lies one byte from a known smuggling form', async () => {
    const forms = [...lengths, ...chunks, ...fields, ...targets].map(([, text]) => text);
    let alike = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...forms, `${any}content-length: 5\r\n\r\nhello`),
        fc.nat(120),
        fc.constantFrom('', ' ', '\t', '\r', '\n', '\0', ',', ';', ':', '5', 'a', '\x0b', '\xff'),
        fc.boolean(),
        async (form, at, inserted, isReplaced) => {
          const text = form.slice(0, at) + inserted + form.slice(isReplaced ? at + 1 : at);
          if (await isReadAlike(text)) alike++;
        },
      ),
      { numRuns: 2_500 },
    );
    expect(alike).toBeGreaterThan(20);
  });

  it('reads a chunked body alike however it is cut, and holds lines back until they are known to be good', () => {
    const body = '5;a=b\r\nqqqqq\r\n00a\r\nqqqqqqqqqq\r\n0\r\nx-a: 1\r\nx-b: 2\r\n\r\nrest';
    const bytes = Buffer.from(body);
    fc.assert(
      fc.property(fc.array(fc.nat(body.length), { maxLength: 12 }), (cuts) => {
        const reader = new ChunkReader();
        const marks = [0, ...cuts.sort((a, b) => a - b), body.length];
        let passed = '';
        let data = '';
        for (let i = 0; i + 1 < marks.length; i++) {
          const start = marks[i]!;
          const state = reader.read(bytes, start, marks[i + 1]!);
          passed += reader.prefix + body.slice(start, reader.safeEnd);
          for (let s = 0; s < reader.spans.length; s += 2) {
            data += body.slice(reader.spans[s], reader.spans[s + 1]);
          }
          expect(passed).not.toMatch(/\r\n[^q\r]{1,9}$/);
          if (state === 'done') break;
          expect(state).toBe('open');
        }
        expect([passed, data]).toEqual([body.slice(0, -4), 'q'.repeat(15)]);
      }),
      { numRuns: 1_000 },
    );
  });
});
