import { describe, expect, it } from 'vitest';
import { answerTo, chunkedHead } from './tap-fixture.ts';

describe('TapClient with a relaying handler', () => {
  it('relays later chunks as they came and ends the response itself', async () => {
    const { answer } = await answerTo([chunkedHead, '5\r\nhello\r\n', '0006\r\n world\r\n', '0\r\n\r\n']);
    expect(answer).toMatchObject({
      canRelay: true,
      relayed: '5\r\nhello\r\n0006\r\n world\r\n',
      data: '',
      error: null,
    });
  });

  it('begins at the first boundary after what came with the head', async () => {
    const { answer } = await answerTo([`${chunkedHead}5\r\nhe`, 'llo\r\n', '1\r\n!\r\n', '0\r\n\r\n']);
    expect(answer).toMatchObject({ data: 'hello', relayed: '1\r\n!\r\n', error: null });
  });

  it('passes on the data of a chunk before the chunk is whole', async () => {
    const { answer } = await answerTo([chunkedHead, '5\r\nhe', 'll', 'o\r', '\n0\r\n\r\n']);
    expect(answer).toMatchObject({ relayed: '5\r\nhello\r\n', relayCalls: 4, error: null });
  });

  it('puts a size line together that came in pieces', async () => {
    const { answer } = await answerTo([
      chunkedHead,
      '1',
      '0',
      '\r',
      '\n0123',
      '456789abcdef\r\n0',
      '\r\n\r\n',
    ]);
    expect(answer).toMatchObject({
      relayed: '10\r\n0123456789abcdef\r\n',
      data: '',
      body: '0123456789abcdef',
      error: null,
    });
  });

  it('hands an extension and all after it to the parser', async () => {
    const parts = [chunkedHead, '1\r\na\r\n1;x', '=y\r\nb\r\n', '1\r\nc\r\n', '0\r\n\r\n'];
    const { answer } = await answerTo(parts);
    expect(answer).toMatchObject({ relayed: '1\r\na\r\n', data: 'bc', error: null });
  });

  it.each([[['1\r\na\r\n0\r\nX-Sum: 7\r\n\r\n']], [['1\r\na\r\n', '0', '\r', '\nX-S', 'um: 7\r\n', '\r\n']]])(
    'gives the trailers of %j',
    async (parts) => {
      const { answer } = await answerTo([chunkedHead, ...parts]);
      expect(answer).toMatchObject({ relayed: '1\r\na\r\n', trailers: { 'x-sum': '7' }, error: null });
    },
  );

  it.each([
    [['HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n', chunkedHead]],
    [[`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${chunkedHead}`]],
    [['HTTP/1.1 103 Early Hints\r\n\r', '\nHTTP/1.1 200 OK\r\nTransfer-Enc', 'oding: chunked\r\n\r', '\n']],
  ])('relays after informational responses and cut heads: %j', async (parts) => {
    const { answer } = await answerTo([...parts, '1\r\na\r\n', '0\r\n\r\n']);
    expect(answer).toMatchObject({ statusCodes: [103, 200], relayed: '1\r\na\r\n', error: null });
  });

  it.each([
    ['content-length', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n', ['1\r\n'], '1\r\n'],
    [
      'an HTTP/1.0 backend',
      'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
      ['1\r\na\r\n', '0\r\n\r\n'],
      'a',
    ],
    ['a body that came whole', `${chunkedHead}1\r\na\r\n0\r\n\r\n`, [], 'a'],
    ['204', 'HTTP/1.1 204 No Content\r\n\r\n', [], ''],
    ['304', 'HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n', [], ''],
  ])('does not relay %s', async (_name, head, parts, data) => {
    const { answer } = await answerTo([head, ...parts]);
    expect(answer).toMatchObject({ canRelay: false, relayed: '', data, error: null });
  });

  it('does not relay another transfer coding before chunked', async () => {
    const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n';
    const { answer } = await answerTo([head, '1\r\na\r\n', '0\r\n\r\n']);
    expect(answer).toMatchObject({ canRelay: false, relayed: '', data: 'a' });
  });

  it('does not relay an answer to HEAD', async () => {
    const { answer } = await answerTo([chunkedHead], { method: 'HEAD' });
    expect(answer).toMatchObject({ canRelay: false, relayed: '', data: '', error: null });
  });

  it('does not relay a body that ends with the connection', async () => {
    const { answer } = await answerTo(['HTTP/1.1 200 OK\r\n\r\n', '1\r\na\r\n'], {}, true);
    expect(answer).toMatchObject({ canRelay: false, data: '1\r\na\r\n', error: null });
  });

  it('fails on data without CRLF after it', async () => {
    const { answer } = await answerTo([chunkedHead, '1\r\na\r\n', '1\r\nbcc', '0\r\n\r\n']);
    expect(answer.error?.message).toBe('a chunk of the response does not end with CRLF');
    expect(answer.relayed).toBe('1\r\na\r\n1\r\nb');
  });

  it.each(['x\r\n', '123456789\r\n', '-1\r\n', '\r\n'])(
    'fails on the size line %j as the parser does',
    async (line) => {
      const { answer } = await answerTo([chunkedHead, '1\r\na\r\n', line, 'b\r\n'], {}, true);
      expect(answer.error).not.toBeNull();
      expect(answer.relayed).toBe('1\r\na\r\n');
    },
  );

  it.each(['', '5\r\nab', '5\r\nabcde\r', '5', '5\r', '0\r\n'])(
    'fails on the end of the connection after %j',
    async (last) => {
      const { answer } = await answerTo([chunkedHead, '1\r\na\r\n', last], {}, true);
      expect(answer.error).not.toBeNull();
      expect(answer.relayed).toMatch(/^1\r\na\r\n/);
    },
  );

  it('relays a response after which the backend closes, trailers included', async () => {
    const head = 'HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n';
    const { answer } = await answerTo([head, '1\r\na\r\n', '0\r\nX-Sum: 7\r\n\r\n'], {}, true);
    expect(answer).toMatchObject({ relayed: '1\r\na\r\n', trailers: { 'x-sum': '7' }, error: null });
  });

  it.each(['1\r\nb\r\n', '2\r\nb', '0\r\n'])(
    'fails on a close after %j though the backend announced one',
    async (last) => {
      const head = 'HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n';
      const { answer } = await answerTo([head, '1\r\na\r\n', last], {}, true);
      expect(answer.error).not.toBeNull();
      expect(answer.relayed).toMatch(/^1\r\na\r\n/);
    },
  );

  it('gives up on a head with more than 64 KiB before it', async () => {
    const hints = `HTTP/1.1 103 Early Hints\r\nLink: <${'a'.repeat(7_000)}>\r\n\r\n`;
    const { answer } = await answerTo([
      ...Array<string>(12).fill(hints),
      chunkedHead,
      '1\r\na\r\n',
      '0\r\n\r\n',
    ]);
    expect(answer).toMatchObject({ canRelay: false, data: 'a', error: null });
    expect(answer.statusCodes).toHaveLength(13);
  });

  it('does not trust a head after empty lines', async () => {
    const { answer } = await answerTo([`\r\n\r\n${chunkedHead}`, '1\r\na\r\n', '0\r\n\r\n']);
    expect(answer).toMatchObject({ canRelay: false, data: 'a', error: null });
  });
});
