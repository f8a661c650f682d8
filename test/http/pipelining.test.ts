import { afterEach, describe, expect, it } from 'vitest';
import { type Answer, answerJson } from '../support/backend.ts';
import { chatRequest, Fixture, staticModel } from './fixture.ts';
import type { RawClient } from './raw.ts';

const fixture = new Fixture();
afterEach(() => fixture.close());

async function clientOf(answer: Answer): Promise<RawClient> {
  const backend = await fixture.backend(answer);
  const gateway = await fixture.gateway(staticModel(backend.url));
  return fixture.client(gateway.url);
}

const named = (name: string) => chatRequest('', JSON.stringify({ model: 'm', user: name }));

/** Answers with the name of who asks; `slow` last of all that are there. */
function answerByName(): Answer {
  const held: (() => void)[] = [];
  return (res, _req, body) => {
    const { user } = JSON.parse(body) as { user: string };
    const answer = () => res.writeHead(200, { 'content-length': user.length }).end(user);
    if (user === 'slow') held.push(answer);
    else {
      answer();
      for (const late of held.splice(0)) late();
    }
  };
}

const answers = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((found) => found[1]);

describe('requests behind each other on one connection', () => {
  it('are answered in their order, whichever the backend answers first', async () => {
    const client = await clientOf(answerByName());
    client.write(named('slow') + named('second') + named('third'));
    const text = await client.until(/third$/);
    expect(text.indexOf('slow')).toBeLessThan(text.indexOf('second'));
    expect(text.indexOf('second')).toBeLessThan(text.indexOf('third'));
  });

  it('get their own answers before a malformed one behind them ends the connection', async () => {
    const client = await clientOf(answerByName());
    client.write(`${named('slow')}${named('second')}POST /v1 HTTP/1.1\r\nbad field: x\r\n\r\n`);
    const text = await client.closed();
    expect(answers(text)).toEqual(['200', '200', '400']);
    expect(text).toMatch(/slowHTTP[\s\S]*secondHTTP[\s\S]*"code":"bad_request"/);
  });

  it('are dropped behind one that closes the connection', async () => {
    const client = await clientOf(answerByName());
    const first = chatRequest('connection: close\r\n', '{"model":"m","user":"first"}');
    const text = await client.write(first + named('second')).closed();
    expect(answers(text)[0]).toBe('200');
    expect(text).toContain('first');
    expect(text).not.toContain('second');
  });

  it('are served again after an answer to a refused one', async () => {
    const client = await clientOf(answerJson);
    client.write(chatRequest('', '{"model":"nobody"}')).write(chatRequest());
    expect(answers(await client.until(/"ok":true/))).toEqual(['404', '200']);
  });
});

describe('HTTP/1.0', () => {
  const post = (fields = '') =>
    `POST /v1/chat/completions HTTP/1.0\r\n${fields}content-length: 13\r\n\r\n{"model":"m"}`;

  it('is served without a Host, and the connection closed', async () => {
    const text = await (await clientOf(answerJson)).write(post()).closed();
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\{"ok":true\}$/);
    expect(text).toMatch(/connection: close/i);
  });

  it('keeps the connection where it asks for that', async () => {
    const client = await clientOf((res) => res.writeHead(200, { 'content-length': 4 }).end('done'));
    const fields = 'connection: keep-alive\r\n';
    await client.write(post(fields)).until(/done/);
    await client.write(post(fields)).until(/done[\s\S]*done/);
    expect(client.text).toMatch(/connection: keep-alive/i);
  });

  it('gets a stream as bytes up to the end of the connection, without chunks', async () => {
    const client = await clientOf((res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write('data: one\n\n');
      setImmediate(() => res.end('data: two\n\n'));
    });
    const text = await client.write(post()).closed();
    expect(text).not.toMatch(/transfer-encoding/i);
    expect(text.slice(text.indexOf('\r\n\r\n') + 4)).toBe('data: one\n\ndata: two\n\n');
  });

  it('waits for no 100', async () => {
    const client = await clientOf(answerJson);
    const text = await client.write(post('expect: 100-continue\r\n')).closed();
    expect(text).toMatch(/^HTTP\/1\.1 200 OK/);
  });
});
