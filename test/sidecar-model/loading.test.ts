import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { freePorts, SidecarProgram } from '../sidecar-unit/program.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** An app whose port is open and that says of everything that it is loading, until `finish`; and again after `reload`. */
async function startApp() {
  let isLoading = true;
  const server = createServer((_request, response) => {
    response.statusCode = isLoading ? 503 : 200;
    response.end(isLoading ? '{"error":{"code":503,"message":"Loading model"}}' : '{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    port: (server.address() as AddressInfo).port,
    finish: () => {
      isLoading = false;
    },
    reload: () => {
      isLoading = true;
    },
  };
}

/** The sidecar before it, whose probe looks at the port alone. */
async function startSidecar(port: number, variables: Readonly<Record<string, string>>) {
  const environment = { ...freePorts, USER_PORT: String(port), CONTAINER_CONCURRENCY: '4', ...variables };
  const program = new SidecarProgram(environment);
  closers.push(async () => {
    program.kill('SIGKILL');
    await program.ended;
  });
  const url = `http://127.0.0.1:${(await program.ports()).serving}/`;
  const headers = { 'user-agent': 'kube-probe/1.33', 'k-network-probe': 'queue', connection: 'close' };
  return { url, readiness: async () => (await fetch(url, { headers })).status };
}

describe('an app whose port is open while it loads', () => {
  it('is ready at once where nobody asks whether it is loading, as with queue-proxy', async () => {
    const { readiness } = await startSidecar((await startApp()).port, {});
    expect(await readiness()).toBe(200);
  });

  it('is not ready until it says no more that it is loading', async () => {
    const app = await startApp();
    const { readiness } = await startSidecar(app.port, { PILOTLIGHT_LOADING: 'Loading model' });
    expect(await readiness()).toBe(503);
    app.finish();
    await expect.poll(readiness, { timeout: 10_000 }).toBe(200);
  });

  it('is not ready any more once a request is answered so', async () => {
    const app = await startApp();
    const variables = { PILOTLIGHT_LOADING: 'Loading model', PILOTLIGHT_LOADING_PATH: '/v1/models' };
    const { url, readiness } = await startSidecar(app.port, variables);
    app.finish();
    await expect.poll(readiness, { timeout: 10_000 }).toBe(200);
    app.reload();
    const answer = await fetch(`${url}v1/completions`, { method: 'POST', body: '{}' });
    expect(await answer.text()).toContain('Loading model');
    app.finish();
    expect(await readiness()).toBe(503);
    await (await fetch(url)).text();
    await expect.poll(readiness, { timeout: 10_000 }).toBe(200);
  });
});
