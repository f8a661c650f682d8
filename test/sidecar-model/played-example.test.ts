import { afterEach, describe, expect, it } from 'vitest';
import { parseDemoArgs } from '../../src/demo-backend/options.ts';
import { startDemoBackend } from '../../src/demo-backend/server.ts';
import { manifestsIn, onlyOf } from '../packaging/deploy-files.ts';
import { freePorts, SidecarProgram } from '../sidecar-unit/program.ts';
import { freePort } from '../support/free-ports.ts';

interface Container {
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly readinessProbe: { httpGet: { path: string; httpHeaders: { name: string; value: string }[] } };
  readonly lifecycle: { preStop: { httpGet: { path: string } } };
}

const { template } = onlyOf(manifestsIn('examples/sidecar.yaml'), 'Deployment').spec as {
  template: { spec: { initContainers: [Container]; containers: [Container] } };
};
const [sidecar] = template.spec.initContainers;
const [app] = template.spec.containers;
const { path, httpHeaders } = sidecar.readinessProbe.httpGet;
const probeFields = Object.fromEntries(httpHeaders.map(({ name, value }) => [name, value]));

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** The sidecar of the example as a process, on ports that are free here; `startApp` starts the app. */
async function play() {
  const port = await freePort();
  const program = new SidecarProgram({
    ...Object.fromEntries(sidecar.env.map(({ name, value }) => [name, value])),
    ...freePorts,
    USER_PORT: String(port),
    PILOTLIGHT_DRAIN_QUIET: '2s',
  });
  closers.push(async () => {
    program.kill('SIGKILL');
    await program.ended;
  });
  const ports = await program.ports();
  const url = `http://127.0.0.1:${ports.serving}`;
  return {
    program,
    ports,
    url,
    async startApp() {
      const backend = await startDemoBackend({ ...parseDemoArgs(app.args.slice(1)), port, loadTimeMs: 100 });
      closers.push(() => backend.close());
    },
    async readiness() {
      const headers = { ...probeFields, 'user-agent': 'kube-probe/1.33', connection: 'close' };
      return (await fetch(url + path, { headers })).status;
    },
  };
}

const ask = (url: string) =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"model":"demo","messages":[],"max_tokens":3}',
  });

describe('the containers of the example, played', () => {
  it('are ready when the app is, and serve', async () => {
    const { url, startApp, readiness } = await play();
    expect(await readiness()).toBe(503);
    await startApp();
    await expect.poll(readiness, { timeout: 10_000 }).toBe(200);
    const answer = await ask(url);
    expect(await answer.json()).toMatchObject({ choices: [{ message: { content: 'This is a' } }] });
  });

  it('end in the order of a native sidecar: the app is kept until it has been quiet, and then the sidecar goes', async () => {
    const { program, ports, url, startApp, readiness } = await play();
    await startApp();
    await expect.poll(readiness, { timeout: 10_000 }).toBe(200);
    let isQuiet = false;
    const preStop = fetch(`http://127.0.0.1:${ports.admin}${app.lifecycle.preStop.httpGet.path}`).then(
      (answer) => {
        isQuiet = true;
        return answer.status;
      },
    );
    await expect.poll(readiness, { timeout: 10_000 }).toBe(503);
    expect((await ask(url)).status).toBe(200);
    expect(isQuiet).toBe(false);
    expect(await preStop).toBe(200);
    program.kill('SIGTERM');
    expect(await program.ended).toBe(0);
  });
});
