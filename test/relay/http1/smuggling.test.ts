import { describe, expect, it } from 'vitest';
import { answerOk } from '../../support/raw-backend.ts';
import {
  any,
  chunked,
  chunks,
  fields,
  lengths,
  long,
  second,
  targets,
} from '../../support/smuggling-forms.ts';
import { LaneRig } from './lane-rig.ts';

/** Sends it with a second request behind it; the statuses of the answers, and the requests the backend got whole. */
async function send(text: string, isByteByByte = false) {
  const rig = await LaneRig.start(answerOk);
  const client = rig.client();
  for (const part of isByteByByte ? (text + second).match(/[\s\S]{1,7}/g)! : [text + second]) {
    await client.send(Buffer.from(part, 'latin1'));
  }
  await client.closed();
  const statuses = [...client.text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((found) => found[1]!);
  const passed = rig.backend.exchanges.filter(({ body }) => body.isWhole).map(({ path }) => path);
  await rig.close();
  return { statuses, passed };
}

/** OPTIONS * has one meaning, and a method nobody knows has a status of its own. */
const others = ['an asterisk', 'an unknown method'];
const forms = [...lengths, ...chunks, ...fields, ...targets];

describe('what two parsers could read in two ways', () => {
  it.each(forms.filter(([name]) => !others.includes(name)))('refuses %s', async (_name, text) => {
    expect(await send(text)).toEqual({ statuses: ['400'], passed: [] });
  });

  it.each(forms.filter(([name]) => !others.includes(name)))('refuses %s in pieces', async (_name, text) => {
    const { statuses, passed } = await send(text, true);
    expect([statuses, passed]).toEqual([['400'], []]);
  });

  it.each([
    ['a trailer past the size of a head', `${chunked}5\r\nhello\r\n0\r\nx-a: ${long}\r\n\r\n`, '400'],
    ['a head past its size', `${any}x-a: ${'a'.repeat(70_000)}\r\n\r\n`, '431'],
    ['more fields than 1,000', `${any}${'a: b\r\n'.repeat(1_000)}\r\n`, '431'],
    ['an expectation it does not know', `${any}expect: miracles\r\ncontent-length: 1\r\n\r\nx`, '417'],
    ['a content-length of 16 digits', `${any}content-length: 0000000000000005\r\n\r\nhello`, '400'],
    ['a chunk extension with a control character', `${chunked}5;a=\x01\r\nhello\r\n0\r\n\r\n`, '400'],
    ['two empty lines before a request', `\r\n\r\n${any}\r\n`, '400'],
    ['an unknown method', 'SMUGGLE /any/x HTTP/1.1\r\nhost: gateway\r\n\r\n', '501'],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '400'],
    ['TLS', '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n', '400'],
  ])('refuses %s', async (_name, text, status) => {
    expect(await send(text)).toEqual({ statuses: [status], passed: [] });
  });
});

describe('a body that turns out malformed while it is passed on', () => {
  it('is cut at the backend, and told to the client where no answer has begun', async () => {
    const rig = await LaneRig.start(() => undefined);
    const client = rig.client().write(`${chunked}5\r\nhello\r\n`);
    const exchange = await rig.backend.exchange(0);
    await exchange.untilBytes(5);
    client.write('5 \r\nworld\r\n0\r\n\r\n');
    expect((await client.answer()).status).toBe(400);
    await exchange.closed();
    expect(exchange.raw.toString()).toBe('5\r\nhello\r\n');
    expect(rig.crossings[0]!.told).toEqual(['end gone']);
  });

  it('cuts an answer that has begun', async () => {
    const rig = await LaneRig.start((exchange) =>
      exchange.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nbeg'),
    );
    const client = rig.client().write(`${chunked}5\r\nhello\r\n`);
    await client.until(/beg$/);
    client.write('x');
    client.write('\r\n');
    await client.closed();
    expect((await client.answer()).isWhole).toBe(false);
    expect(rig.crossings[0]!.told).toEqual(['head 200', 'end gone']);
  });
});

describe('what has one meaning', () => {
  it('passes OPTIONS for the server as a whole on', async () => {
    const rig = await LaneRig.start(answerOk);
    await rig.client().write('OPTIONS * HTTP/1.1\r\nhost: gateway\r\n\r\n').answer();
    expect(rig.backend.exchanges[0]!.head.startLine).toBe('OPTIONS * HTTP/1.1');
  });

  it('passes an absolute target of its own host on as a path', async () => {
    const rig = await LaneRig.start(answerOk);
    const client = rig.client().write('POST http://Gateway/any/x?q=1 HTTP/1.1\r\nhost: gateway\r\n\r\n');
    await client.answer();
    expect(rig.backend.exchanges[0]!.head.startLine).toBe('POST /any/x?q=1 HTTP/1.1');
  });

  it('sends one content-length and one host, whatever the client calls hop-by-hop', async () => {
    const rig = await LaneRig.start(answerOk);
    const client = rig.client();
    client.write(
      `${any}connection: content-length, host, x-secret\r\nx-secret: 1\r\ncontent-length: 5\r\n\r\nhello`,
    );
    await client.answer();
    const { head } = rig.backend.exchanges[0]!;
    expect([...head.fields]).toEqual([
      ['host', 'gateway'],
      ['content-length', '5'],
    ]);
  });

  it('takes an empty line before a request line', async () => {
    const rig = await LaneRig.start(answerOk);
    const client = rig.client().write(`${any}content-length: 2\r\n\r\nhi\r\n${any}\r\n`);
    expect((await client.next()).status).toBe(200);
    expect((await client.next()).status).toBe(200);
  });

  it('does not pass on a switch to h2c, behind which requests would come unseen', async () => {
    const rig = await LaneRig.start(answerOk);
    const client = rig.client();
    client.write(`${any}connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAM\r\n\r\n`);
    expect((await client.answer()).status).toBe(200);
    expect([...rig.backend.exchanges[0]!.head.fields.keys()]).toEqual(['host']);
  });
});
