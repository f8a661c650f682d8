import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerJson, type Backend } from '../support/backend.ts';
import type { Gateway } from '../support/gateway.ts';
import { Fixture, staticModel } from './fixture.ts';

const fixture = new Fixture();
let backend: Backend;
let gateway: Gateway;

beforeAll(async () => {
  backend = await fixture.backend(answerJson);
  gateway = await fixture.gateway(staticModel(backend.url));
});
afterAll(() => fixture.close());

async function ask(url: string, init: RequestInit = {}) {
  const response = await fetch(url, init);
  const allow = response.headers.get('allow');
  return { status: response.status, allow, text: await response.text(), headers: response.headers };
}

describe('the request port', () => {
  it.each(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'QUERY'])(
    'answers %s on a route of POST with 405 and what is allowed',
    async (method) => {
      const { status, allow, text } = await ask(`${gateway.url}/v1/chat/completions`, { method });
      expect([status, allow]).toEqual([405, 'POST']);
      if (method !== 'HEAD') expect(JSON.parse(text).error.code).toBe('method_not_allowed');
    },
  );

  it('writes it in the dialect of the path', async () => {
    const { status, text } = await ask(`${gateway.url}/v1/messages`, { method: 'DELETE' });
    expect([status, JSON.parse(text).type]).toEqual([405, 'error']);
  });

  it('does not read a body that comes with the wrong method', async () => {
    const init = { method: 'PUT', body: 'x', headers: { 'content-type': 'no type' } };
    expect((await ask(`${gateway.url}/v1/embeddings`, init)).status).toBe(405);
  });

  it.each(['/v1/models', '/v1/models/m'])('answers HEAD %s as GET, without the body', async (path) => {
    const got = await ask(gateway.url + path);
    const head = await ask(gateway.url + path, { method: 'HEAD' });
    expect([head.status, head.text]).toEqual([200, '']);
    expect(head.headers.get('content-length')).toBe(String(Buffer.byteLength(got.text)));
  });

  it('takes only GET and HEAD for the list of models', async () => {
    for (const path of ['/v1/models', '/v1/models/m']) {
      const { status, allow } = await ask(gateway.url + path, { method: 'POST', body: '{}' });
      expect([status, allow]).toEqual([405, 'GET, HEAD']);
    }
  });

  it('knows no method of a path that it does not have', async () => {
    for (const method of ['GET', 'OPTIONS', 'PROPFIND']) {
      const { status, allow, text } = await ask(`${gateway.url}/sleep`, { method });
      expect([status, allow]).toEqual([404, null]);
      expect(JSON.parse(text).error.code).toBe('route_not_found');
    }
  });

  it.each(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PROPFIND'])(
    'passes %s on where a match rule takes the path',
    async (method) => {
      expect((await ask(`${gateway.url}/any/page`, { method })).status).toBe(200);
      expect(backend.seen.at(-1)).toMatchObject({ method, url: '/any/page' });
    },
  );

  it('passes on a body of whatever type a match rule takes', async () => {
    const headers = { 'content-type': 'no type at all' };
    const { status } = await ask(`${gateway.url}/any/page`, { method: 'POST', body: 'x', headers });
    expect(status).toBe(200);
    expect(backend.seen.at(-1)).toMatchObject({ body: 'x', headers });
  });

  it.each(['/any/../sleep', '/any/./sleep', '/any/%2e%2e/sleep', '/any/.%2E/sleep', '/any/..'])(
    'takes nothing out of the prefix of a match rule: %s',
    async (path) => {
      const before = backend.seen.length;
      const client = fixture.client(gateway.url).write(`GET ${path} HTTP/1.1\r\nhost: gateway\r\n\r\n`);
      expect(await client.until(/\r\n\r\n/)).toMatch(/^HTTP\/1\.1 404 /);
      expect(backend.seen).toHaveLength(before);
      client.destroy();
    },
  );

  it('bounds what the message about an unknown model repeats', async () => {
    const { status, text } = await ask(`${gateway.url}/v1/models/${'x'.repeat(8000)}`);
    expect(status).toBe(404);
    expect(JSON.parse(text).error).toMatchObject({ code: 'model_not_found', param: 'model' });
    expect(text.length).toBeLessThan(500);
  });

  it.each(['/v1/models/%ff', '/v1/models/%zz'])('takes %s for a malformed URL', async (path) => {
    const client = fixture.client(gateway.url).write(`GET ${path} HTTP/1.1\r\nhost: gateway\r\n\r\n`);
    expect(await client.until(/"code":"bad_request"/)).toMatch(/^HTTP\/1\.1 400 /);
    client.destroy();
  });
});

describe('the admin port', () => {
  it.each(['/healthz', '/readyz', '/metrics', '/api/models', '/api/models/m'])(
    'answers GET and HEAD on %s, and 405 otherwise',
    async (path) => {
      const head = await ask(gateway.adminUrl + path, { method: 'HEAD' });
      expect([head.status, head.text]).toEqual([200, '']);
      expect((await ask(gateway.adminUrl + path)).text).not.toBe('');
      for (const method of ['POST', 'OPTIONS', 'DELETE']) {
        const { status, allow, text } = await ask(gateway.adminUrl + path, { method });
        expect([status, allow]).toEqual([405, 'GET, HEAD']);
        expect(JSON.parse(text).error.code).toBe('method_not_allowed');
      }
    },
  );

  it('takes only POST for what changes a model', async () => {
    for (const verb of ['warm', 'stop', 'pause', 'resume']) {
      const { status, allow } = await ask(`${gateway.adminUrl}/api/models/m/${verb}`);
      expect([status, allow]).toEqual([405, 'POST']);
    }
  });

  it('passes every method on to the pages of a backend, with a body of whatever type', async () => {
    const init = { method: 'PATCH', body: 'x', headers: { 'content-type': 'no type' } };
    expect((await ask(`${gateway.adminUrl}/upstream/m/page`, init)).status).toBe(200);
    expect(backend.seen.at(-1)).toMatchObject({ method: 'PATCH', url: '/page', body: 'x' });
    await ask(`${gateway.adminUrl}/upstream/m/dav`, { method: 'PROPFIND' });
    expect(backend.seen.at(-1)).toMatchObject({ method: 'PROPFIND', url: '/dav' });
  });

  it('names the models there are when one is not', async () => {
    const { status, text } = await ask(`${gateway.adminUrl}/api/models/${'x'.repeat(300)}`);
    expect(status).toBe(404);
    expect(JSON.parse(text).error.message).toMatch(/^model "x{200}\.\.\." not found; known: m, any$/);
  });

  it('refuses a second Host before it looks at the name of the first', async () => {
    const client = fixture.client(gateway.adminUrl);
    client.write('GET /api/models HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\n\r\n');
    expect(await client.closed()).toMatch(/^HTTP\/1\.1 400 /);
  });
});
