import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { answerJson, type Backend } from '../support/backend.ts';
import type { Gateway } from '../support/gateway.ts';
import { fixedModel, World } from '../support/world.ts';

const world = new World();
let backend: Backend;
let gateway: Gateway;
beforeEach(async () => {
  backend = await world.backend(answerJson);
  gateway = await world.gateway(fixedModel([backend.url]));
});
afterEach(() => world.close());

const ask = (path: string, method: string, origin?: string) =>
  fetch(gateway.adminUrl + path, { method, headers: origin === undefined ? {} : { origin } });

describe('a page of another origin, which a browser lets POST to the admin port of its own machine', () => {
  it.each(['https://evil.example', 'http://localhost:1', 'null'])('is refused: %s', async (origin) => {
    for (const path of ['/api/models/m/pause', '/upstream/m/sleep']) {
      const response = await ask(path, 'POST', origin);
      expect([response.status, await response.json()]).toMatchObject([
        403,
        { error: { code: 'forbidden_origin' } },
      ]);
    }
    expect(backend.seen).toEqual([]);
    expect(await (await ask('/api/models/m', 'GET')).json()).not.toMatchObject({ state: 'paused' });
  });

  it('is not one that the admin port itself has served, or a client that is no browser', async () => {
    expect((await ask('/api/models/m/resume', 'POST', gateway.adminUrl)).status).toBe(200);
    expect((await ask('/upstream/m/page', 'POST')).status).toBe(200);
  });

  it('still sees health and metrics, which are open', async () => {
    for (const path of ['/healthz', '/readyz', '/metrics'])
      expect((await ask(path, 'GET', 'https://dashboard.example')).status).toBe(200);
  });
});
