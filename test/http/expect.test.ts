import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { answerJson, type Backend } from '../support/backend.ts';
import { Fixture, staticModel } from './fixture.ts';
import { lastAnswer, type RawClient } from './raw.ts';

const fixture = new Fixture();
afterEach(() => fixture.close());

const sha256 = createHash('sha256').update('key').digest('hex');

async function start(): Promise<{ backend: Backend; client: RawClient }> {
  const backend = await fixture.backend(answerJson);
  const gateway = await fixture.gateway(staticModel(backend.url), {
    rest: `auth: { keys: [{ name: k, sha256: ${sha256} }] }`,
    server: { maxBodyBytes: 1000 },
  });
  return { backend, client: fixture.client(gateway.url) };
}

const head = (path: string, more: string) =>
  `POST ${path} HTTP/1.1\r\nhost: gateway\r\nexpect: 100-continue\r\n${more}\r\n`;
const keyed = 'x-api-key: key\r\n';
const path = '/v1/chat/completions';

describe('Expect: 100-continue', () => {
  it('is answered with 100 where the body will be read, and goes no further', async () => {
    const { backend, client } = await start();
    client.write(head(path, `${keyed}content-length: 13\r\n`));
    expect(await client.until(/\r\n\r\n/)).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    client.write('{"model":"m"}');
    expect(await client.until(/"ok":true/)).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
    expect(backend.seen[0]).toMatchObject({ body: '{"model":"m"}' });
    expect(backend.seen[0]!.headers).not.toHaveProperty('expect');
  });

  it.each([
    ['401', path, 'content-length: 13\r\n'],
    ['404', '/nowhere', `${keyed}content-length: 13\r\n`],
    ['405', '/v1/models', `${keyed}content-length: 13\r\n`],
    ['413', path, `${keyed}content-length: 1001\r\n`],
    ['415', path, `${keyed}content-encoding: gzip\r\ncontent-length: 13\r\n`],
  ])('is answered with %s at once where that is known without the body', async (status, url, more) => {
    const { backend, client } = await start();
    const text = await client.write(head(url, more)).until(/\r\n\r\n\{.*\}$/);
    expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(text).not.toContain('100 Continue');
    expect(backend.seen).toEqual([]);
  });

  it('keeps no connection of one that was refused and may send its body or not', async () => {
    const { client } = await start();
    client.write(head(path, 'content-length: 13\r\n'));
    expect(await client.until(/invalid_api_key/)).toMatch(/connection: close/i);
    client.write('{"model":"m"}');
    expect((await client.closed()).match(/HTTP\/1\.1/g)).toHaveLength(1);
  });

  it.each(['200-ok', '100-continue, x'])('is the only expectation met: %s gets 417', async (expectation) => {
    const { client } = await start();
    const fields = `host: gateway\r\nexpect: ${expectation}\r\n${keyed}content-length: 13\r\n`;
    client.write(`POST ${path} HTTP/1.1\r\n${fields}\r\n`);
    const text = await client.until(/\}$/);
    expect(lastAnswer(text)).toMatchObject({ status: 417, code: 'expectation_failed' });
  });
});
