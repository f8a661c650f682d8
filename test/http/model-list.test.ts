import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerJson } from '../support/backend.ts';
import { chat, type Gateway } from '../support/gateway.ts';
import { Fixture } from './fixture.ts';

const fixture = new Fixture();
let gateway: Gateway;

const names = ['org/model', 'name with spaces', 'é/ü', '50%', 'a?b#c', 'dots/../up'];

beforeAll(async () => {
  const { url } = await fixture.backend(answerJson);
  const command = JSON.stringify([process.execPath, '-e', 'setTimeout(() => undefined, 1e6)', '{port}']);
  const slashed = names
    .map((name) => `  "${name}": { backend: { driver: static, urls: ["${url}"], ready: { tcp: true } } }`)
    .join('\n');
  gateway = await fixture.gateway(
    `\n  cold: { aliases: [org/alias], backend: { driver: process, command: ${command} } }\n${slashed}\n`,
  );
});
afterAll(() => fixture.close());

const get = async (path: string) => {
  const response = await fetch(gateway.url + path);
  return { status: response.status, body: (await response.json()) as { id?: string; data?: object[] } };
};

interface View {
  readonly model: string;
  readonly state: string;
  readonly lastStarts: readonly object[];
}

describe('GET /v1/models', () => {
  it('lists every model and alias as OpenAI does', async () => {
    const { status, body } = await get('/v1/models');
    expect(status).toBe(200);
    const created = expect.toSatisfy((s: number) => Math.abs(s - Date.now() / 1000) < 3_600);
    const shown = (id: string) => ({ id, object: 'model', created, owned_by: 'pilotlight' });
    expect(body).toEqual({ object: 'list', data: ['cold', 'org/alias', ...names].map(shown) });
  });

  it.each(names)('finds %s, which the official client escapes whole', async (name) => {
    const { status, body } = await get(`/v1/models/${encodeURIComponent(name)}`);
    expect([status, body.id]).toEqual([200, name]);
  });

  it('finds a name with a slash also where that is written as one', async () => {
    expect((await get('/v1/models/org/model')).body.id).toBe('org/model');
    expect((await get('/v1/models/org/alias')).body.id).toBe('org/alias');
    expect((await get('/v1/models/org')).status).toBe(404);
    expect((await get('/v1/models/org/model/')).status).toBe(404);
  });

  it('wakes nothing, whatever is asked', async () => {
    for (const path of ['', '/', '/cold', '/org/alias', '/org%2Falias', '/other', '?limit=1', '/cold?x=1'])
      await get(`/v1/models${path}`);
    const view = (await (await fetch(`${gateway.adminUrl}/api/models/cold`)).json()) as View;
    expect([view.state, view.lastStarts]).toEqual(['cold', []]);
  });
});

describe('a model with such a name', () => {
  it.each(names)('is served, and known to operators: %s', async (name) => {
    const response = await fetch(`${gateway.url}/v1/chat/completions`, chat(name));
    expect(response.status).toBe(200);
    const path = `${gateway.adminUrl}/api/models/${encodeURIComponent(name)}`;
    expect(((await (await fetch(path)).json()) as View).model).toBe(name);
    expect((await fetch(`${path}/warm`, { method: 'POST' })).status).toBe(200);
    const page = `${gateway.adminUrl}/upstream/${encodeURIComponent(name)}/page`;
    expect((await fetch(page)).status).toBe(200);
  });
});
