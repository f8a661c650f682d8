import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { surfaceNames } from '../../src/core/surface.ts';
import { testCertificate, testKey } from '../probe/certificate.ts';
import { answerJson } from '../support/backend.ts';
import { type SurfaceGateway, type SurfacesOptions, startSurfaces } from '../support/surfaces.ts';
import { fixedModel, World } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

async function start(
  surfaces: SurfacesOptions['surfaces'],
  more: Partial<SurfacesOptions> = {},
): Promise<{ gateway: SurfaceGateway; backend: Awaited<ReturnType<World['backend']>> }> {
  const backend = await world.backend(answerJson);
  const models = fixedModel([backend.url], 'contract: sagemaker');
  const gateway = await startSurfaces({ models, surfaces, ...more });
  world.onClose(() => gateway.close());
  return { gateway, backend };
}

const post = (url: string, headers: Record<string, string> = {}) =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: '{"a":1}',
  });

describe('a gateway with surfaces', () => {
  it('serves one on a port of its own, and nothing else there', async () => {
    const { gateway, backend } = await start({ sagemaker: '' });
    const response = await post(`${gateway.urlOf('sagemaker')}/endpoints/m/invocations`);
    expect([response.status, await response.json()]).toEqual([200, { ok: true }]);
    expect(backend.seen.map(({ method, url, body }) => [method, url, body])).toEqual([
      ['POST', '/invocations', '{"a":1}'],
    ]);
    expect((await post(`${gateway.urlOf('sagemaker')}/v1/chat/completions`)).status).toBe(404);
    expect((await post(`${gateway.url}/endpoints/m/invocations`)).status).toBe(404);
  });

  it('serves others under prefixes of the request port, beside what is there already', async () => {
    const { gateway } = await start({ sagemaker: '{ prefix: /aws }', kserve: '{ prefix: /kserve }' });
    expect((await post(`${gateway.url}/aws/endpoints/m/invocations`)).status).toBe(200);
    expect((await fetch(`${gateway.url}/kserve/v2/health/live`)).status).toBe(200);
    const chat = JSON.stringify({ model: 'm', messages: [] });
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      body: chat,
      headers: { 'content-type': 'application/json' },
    });
    expect(response.status).toBe(200);
    expect((await fetch(`${gateway.url}/v1/models/m`)).status).toBe(200);
  });

  it('serves one without a prefix before what the request port has in the same place', async () => {
    const { gateway, backend } = await start({ responses: '{}' }, {});
    const body = JSON.stringify({ model: 'm', input: 'Hello' });
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${gateway.url}/v1/responses`, { method: 'POST', headers, body });
    expect(response.status).toBe(200);
    expect(backend.seen.map(({ url }) => url)).toEqual(['/v1/responses']);
    expect((await fetch(`${gateway.url}/v1/models/m`)).status).toBe(200);
    expect((await fetch(`${gateway.url}/v1/models/m/wake`, { method: 'POST' })).status).toBe(200);
    expect((await fetch(`${gateway.url}/v1/responses`)).status).toBe(405);
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    expect(metrics).toContain('pilotlight_surface_requests_total{surface="responses",outcome="answered"} 1');
  });

  it('leaves what a match rule takes to its model', async () => {
    const backend = await world.backend(answerJson);
    const models = fixedModel([backend.url], 'match: { paths: [/endpoints] }');
    const gateway = await startSurfaces({ models, surfaces: { sagemaker: '{}' } });
    world.onClose(() => gateway.close());
    expect((await post(`${gateway.url}/endpoints/m/invocations`)).status).toBe(200);
    expect(backend.seen.map(({ url }) => url)).toEqual(['/endpoints/m/invocations']);
  });

  it('serves all of them at once, each under a prefix of its own', async () => {
    const surfaces = Object.fromEntries(surfaceNames.map((name) => [name, `{ prefix: /${name} }`]));
    const { gateway } = await start(surfaces);
    const statuses = await Promise.all(
      surfaceNames.map(async (name) => [
        name,
        (await fetch(`${gateway.urlOf(name)}/no/such/path/at/all`)).status,
      ]),
    );
    expect(statuses.filter(([, status]) => status !== 404 && status !== 405)).toEqual([]);
    expect((await fetch(`${gateway.url}/ollama/api/tags`)).status).toBe(200);
    expect((await fetch(`${gateway.url}/v1/models`)).status).toBe(200);
  });

  it('does not start where two surfaces serve the same in the same place', async () => {
    await expect(start({ huggingface: '{}', potassium: '{}' })).rejects.toThrow(
      /^surfaces\.\w+: [A-Z]+ \/\S+ is served by surfaces\.\w+ in the same place/,
    );
  });

  it('serves pages of other origins on a port of its own, as server.cors has it', async () => {
    const origin = 'https://page.example';
    const { gateway } = await start({ sagemaker: '' }, { server: { corsOrigins: [origin] } });
    const url = `${gateway.urlOf('sagemaker')}/endpoints/m/invocations`;
    const preflight = await fetch(url, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST' },
    });
    expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, origin]);
    const answer = await post(url, { origin });
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([200, origin]);
  });

  it('serves TLS on a port of its own, with the certificate of the server', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pilotlight-tls-'));
    world.onClose(() => rmSync(folder, { recursive: true, force: true }));
    const tls = { certFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key') };
    writeFileSync(tls.certFile, testCertificate);
    writeFileSync(tls.keyFile, testKey);
    const { gateway } = await start({ kserve: '' }, { server: { tls } });
    const url = gateway.urlOf('kserve').replace('http:', 'https:');
    const asked = request(`${url}/v2/health/live`, { rejectUnauthorized: false }).end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(200);
    response.resume();
  });

  it('counts their requests by surface', async () => {
    const { gateway } = await start({ sagemaker: '' });
    await post(`${gateway.urlOf('sagemaker')}/endpoints/m/invocations`);
    await post(`${gateway.urlOf('sagemaker')}/endpoints/none/invocations`);
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    expect(metrics).toContain('pilotlight_surface_requests_total{surface="sagemaker",outcome="answered"} 1');
    expect(metrics).toContain(
      'pilotlight_surface_requests_total{surface="sagemaker",outcome="model_not_found"} 1',
    );
    expect(metrics).toContain('pilotlight_surface_request_seconds_count{surface="sagemaker"} 2');
    expect(metrics).toContain('pilotlight_requests_total{model="m",outcome="answered"} 1');
  });
});
