import { afterEach, expect, it } from 'vitest';
import { Served, writeConfig } from '../support/served.ts';
import { World } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

it('the log holds no key, no token, no prompt, no query and no answer, whatever happens', async () => {
  const backend = await world.backend((res, req) => {
    if (req.headers['x-break'] !== undefined) req.socket.destroy();
    else res.writeHead(200, { 'content-type': 'application/json' }).end('{"text":"SECRET-ANSWER"}');
  });
  const headers = 'headers: { authorization: "Bearer SECRET-BACKEND" }';
  const config = writeConfig(
    `  m: { backend: { driver: static, urls: ["${backend.url}"], ready: { path: /health }, ${headers} } }\n` +
      'auth: { keys: [{ name: app, key: SECRET-KEY }] }\nlog: { level: debug }\n',
  );
  world.onClose(() => config.remove());
  const served = await Served.start(config.file);
  const ask = (key: string, body: string, fields: Record<string, string> = {}) =>
    fetch(`${served.url}/v1/chat/completions?api-version=SECRET-QUERY`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, cookie: 'a=SECRET-COOKIE', ...fields },
      body,
    }).then((response) => response.status);
  const good = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'SECRET-PROMPT' }] });
  expect(await ask('SECRET-KEY', good)).toBe(200);
  expect(await ask('SECRET-WRONG', good)).toBe(401);
  expect(await ask('SECRET-KEY', `${good}SECRET-REST`)).toBe(400);
  expect(await ask('SECRET-KEY', good, { 'x-break': '1' })).toBe(502);
  served.kill('SIGTERM');
  await served.exit;
  const outcomes = served.log.map(({ outcome }) => outcome).filter((outcome) => outcome !== undefined);
  expect(outcomes).toEqual(['answered', 'invalid_api_key', 'invalid_body', 'backend_reset']);
  expect(served.log.map(({ path }) => path)).toContain('/v1/chat/completions');
  expect(JSON.stringify(served.log)).not.toContain('SECRET');
});
