import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Gateway } from '../support/gateway.ts';
import { Fixture } from './fixture.ts';

const fixture = new Fixture();
let gateway: Gateway;

const rules: Readonly<Record<string, string>> = {
  both: '{ hosts: [tts.example.com], paths: [/both/] }',
  header: '{ hosts: [tts.example.com], headers: { X-Kind: A } }',
  host: '{ hosts: [tts.example.com, "TTS2.example.com"] }',
  path: '{ paths: [/tts/, /other] }',
  stripped: '{ paths: [/strip/me/], stripPrefix: true }',
};

/** Each model has a backend of its own, which answers with its model and the path that it was asked for. */
beforeAll(async () => {
  const models = await Promise.all(
    Object.entries(rules).map(async ([name, match]) => {
      const { url } = await fixture.backend((res, req) => res.end(`${name} ${req.url}`));
      const backend = `{ driver: static, urls: ["${url}"], ready: { tcp: true } }`;
      return `  ${name}: { match: ${match}, backend: ${backend} }`;
    }),
  );
  gateway = await fixture.gateway(`\n${models.join('\n')}\n`);
});
afterAll(() => fixture.close());

/** The last line of the answer: what the backend said, or the error. */
async function ask(path: string, host = 'gateway', fields = '', body = ''): Promise<string> {
  const length = body === '' ? '' : `content-length: ${body.length}\r\n`;
  const head = `POST ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n${length}${fields}\r\n`;
  const text = await fixture
    .client(gateway.url)
    .write(head + body)
    .closed();
  return /"code":"(\w+)"/.exec(text)?.[1] ?? text.split(/\r?\n/).findLast((line) => line.includes('/'))!;
}

describe('a match rule', () => {
  it.each([
    ['its host', '/any?x=1', 'tts.example.com', 'host /any?x=1'],
    ['its host with a port', '/any', 'tts.example.com:8080', 'host /any'],
    ['its host in other letters', '/any', 'Tts2.Example.COM', 'host /any'],
    ['a path under its prefix', '/tts/say?x=1', 'gateway', 'path /tts/say?x=1'],
    ['its prefix itself', '/tts', 'gateway', 'path /tts'],
    ['its prefix with a query', '/other?x=1', 'gateway', 'path /other?x=1'],
    ['a path without the prefix that it strips', '/strip/me/say?x=1', 'gateway', 'stripped /say?x=1'],
    ['the root of the prefix that it strips', '/strip/me', 'gateway', 'stripped /'],
    ['its host and its path', '/both/x', 'tts.example.com', 'both /both/x'],
  ])('takes %s', async (_what, path, host, answer) => {
    expect(await ask(path, host)).toBe(answer);
  });

  it('takes a header of its value only', async () => {
    expect(await ask('/any', 'tts.example.com', 'x-kind: A\r\n')).toBe('header /any');
    expect(await ask('/any', 'tts.example.com', 'x-kind: a\r\n')).toBe('host /any');
    expect(await ask('/any', 'gateway', 'x-kind: A\r\n')).toBe('route_not_found');
  });

  it.each([
    ['another host', '/any', 'example.com'],
    ['a host that only ends like it', '/any', 'x.tts.example.com'],
    ['a path that only begins like its prefix', '/ttsx', 'gateway'],
    ['one of two that it asks for', '/both/x', 'gateway'],
  ])('takes not %s', async (_what, path, host) => {
    expect(await ask(path, host)).toBe('route_not_found');
  });

  it('looks at no body: the model is known, whatever that says', async () => {
    expect(await ask('/tts/say', 'gateway', '', '{"model":"nobody"')).toBe('path /tts/say');
  });

  it('goes before the routes of protocols, for a host of its own', async () => {
    expect(await ask('/v1/chat/completions', 'tts.example.com', '', '{}')).toBe('host /v1/chat/completions');
    expect(await ask('/v1/chat/completions', 'gateway', '', '{}')).toBe('model_required');
  });
});
