import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerJson, type Backend } from '../support/backend.ts';
import { chat, type Gateway } from '../support/gateway.ts';
import { Fixture, staticModel } from './fixture.ts';

const hashOf = (key: string) => createHash('sha256').update(key).digest('hex');
const rest = `auth: { keys: [{ name: one, sha256: ${hashOf('key-1')} }, { name: two, key: key-2 }] }`;

const fixture = new Fixture();
let backend: Backend;
let gateway: Gateway;

beforeAll(async () => {
  backend = await fixture.backend(answerJson);
  const server = { admin: { host: '127.0.0.1', port: 0, token: 'admin-token' } };
  gateway = await fixture.gateway(staticModel(backend.url), { rest, server });
});
afterAll(() => fixture.close());

function ask(headers: Record<string, string>, url = `${gateway.url}/v1/chat/completions`): Promise<Response> {
  const init = chat('m');
  const isRead = !url.endsWith('completions');
  return fetch(
    url,
    isRead ? { headers } : { ...init, headers: { 'content-type': 'application/json', ...headers } },
  );
}

describe('API keys', () => {
  it.each([
    ['Bearer', { authorization: 'Bearer key-1' }],
    ['Bearer in lower case', { authorization: 'bearer key-2' }],
    ['Bearer in upper case and more spaces', { authorization: 'BEARER   key-1' }],
    ['x-api-key', { 'x-api-key': 'key-2' }],
    ['both alike', { authorization: 'Bearer key-1', 'x-api-key': 'key-1' }],
    ['both, of which Authorization counts', { authorization: 'Bearer key-1', 'x-api-key': 'wrong' }],
    ['x-api-key beside another scheme', { authorization: 'Basic abc', 'x-api-key': 'key-1' }],
  ])('lets in: %s', async (_name, headers: Record<string, string>) => {
    expect((await ask(headers)).status).toBe(200);
  });

  it.each([
    ['none', {}, 'Bearer realm="pilotlight"'],
    ['another scheme', { authorization: 'Basic key-1' }, 'Bearer realm="pilotlight"'],
    ['an empty x-api-key', { 'x-api-key': '' }, 'Bearer realm="pilotlight"'],
    ['a wrong one', { authorization: 'Bearer wrong' }, 'Bearer realm="pilotlight", error="invalid_token"'],
    [
      'a wrong one before a right one',
      { authorization: 'Bearer wrong', 'x-api-key': 'key-1' },
      'Bearer realm="pilotlight", error="invalid_token"',
    ],
    ['a part of a key', { authorization: 'Bearer key-' }, 'Bearer realm="pilotlight", error="invalid_token"'],
    [
      'the hash in place of the key',
      { 'x-api-key': hashOf('key-1') },
      'Bearer realm="pilotlight", error="invalid_token"',
    ],
  ])('answers 401 with a challenge: %s', async (_name, headers: Record<string, string>, challenge) => {
    const before = backend.seen.length;
    const response = await ask(headers);
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, challenge]);
    expect(await response.json()).toMatchObject({ error: { code: 'invalid_api_key' } });
    expect(backend.seen).toHaveLength(before);
  });

  it('keeps the keys from the backend', async () => {
    await ask({ authorization: 'Bearer key-1', 'x-api-key': 'key-1' });
    expect(backend.seen.at(-1)!.headers).not.toHaveProperty('authorization');
    expect(backend.seen.at(-1)!.headers).not.toHaveProperty('x-api-key');
  });

  it('asks for a key before it tells what there is', async () => {
    for (const path of ['/v1/models', '/v1/models/m', '/any/page', '/nowhere', '/v1/embeddings']) {
      expect((await ask({}, gateway.url + path)).status).toBe(401);
      expect((await ask({ 'x-api-key': 'key-1' }, gateway.url + path)).status).not.toBe(401);
    }
  });

  it('does not repeat what it was sent', async () => {
    expect(await (await ask({ authorization: 'Bearer hush-hush' })).text()).not.toContain('hush');
  });
});

describe('the token of the admin port', () => {
  const askAdmin = (path: string, headers: Record<string, string> = {}) =>
    fetch(gateway.adminUrl + path, { headers });

  it.each(['/healthz', '/readyz', '/metrics'])('is not asked for on %s', async (path) => {
    expect((await askAdmin(path)).status).toBe(200);
  });

  it.each(['/api/models', '/api/models/m', '/upstream/m/page'])('is asked for on %s', async (path) => {
    const refused = await askAdmin(path);
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
      401,
      'Bearer realm="pilotlight"',
    ]);
    const wrong = await askAdmin(path, { authorization: 'Bearer key-1' });
    expect(wrong.headers.get('www-authenticate')).toBe('Bearer realm="pilotlight", error="invalid_token"');
    expect((await askAdmin(path, { authorization: 'bearer admin-token' })).status).toBe(200);
  });
});

describe('without keys and without a token', () => {
  it('serves loopback, and operators only under a loopback name', async () => {
    const open = await fixture.gateway(staticModel(backend.url));
    expect((await ask({}, `${open.url}/v1/models`)).status).toBe(200);
    const client = fixture.client(open.adminUrl);
    client.write('GET /api/models HTTP/1.1\r\nhost: rebound.example\r\nconnection: close\r\n\r\n');
    expect(await client.closed()).toMatch(/^HTTP\/1\.1 403 [\s\S]*forbidden_host/);
  });
});
