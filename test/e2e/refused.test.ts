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
