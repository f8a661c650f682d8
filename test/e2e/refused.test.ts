import { connect } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { type Gateway, settingsOf, startGateway } from '../support/gateway.ts';

let gateway: Gateway;
afterEach(() => gateway.close());

it('counts requests that are refused before their model is known', async () => {
  const model = '\n  m: { backend: { driver: static, urls: ["http://127.0.0.1:1"] } }\n';
  gateway = await startGateway(settingsOf(model, 'auth: { keys: [{ name: app, key: secret }] }'));
  await fetch(`${gateway.url}/v1/models`);
  await fetch(`${gateway.url}/v1/chat/completions`, { method: 'POST', body: '{}' });
  const headers = { authorization: 'Bearer secret' };
  await fetch(`${gateway.url}/sleep`, { headers });
  await fetch(`${gateway.url}/v1/chat/completions`, { method: 'POST', headers, body: '{"model":"x"}' });
  const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  const counted = [...text.matchAll(/^pilotlight_requests_total\{model="",outcome="(\w+)"\} (\d+)$/gm)];
  expect(Object.fromEntries(counted.map(([, outcome, count]) => [outcome, Number(count)]))).toEqual({
    invalid_api_key: 2,
    route_not_found: 1,
    model_not_found: 1,
  });
});

it('counts an upload that is too slow as that, and not as a client that left', async () => {
  const model = '\n  m: { backend: { driver: static, urls: ["http://127.0.0.1:1"] } }\n';
  const settings = settingsOf(model);
  gateway = await startGateway({
    ...settings,
    server: { ...settings.server, limits: { ...settings.server.limits, bodyTimeoutMs: 300 } },
  });
  const { hostname, port } = new URL(gateway.url);
  const socket = connect(Number(port), hostname);
  socket.write('POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n{"model":');
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  expect(Buffer.concat(chunks).toString()).toMatch(/^HTTP\/1.1 408 /);
  const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  expect(text).toMatch(/^pilotlight_requests_total\{model="",outcome="request_timeout"\} 1$/m);
});
