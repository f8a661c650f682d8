import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { knativeEnvironment } from './environment/knative-environment.ts';
import { freePorts, SidecarProgram } from './program.ts';

describe('pilotlight sidecar', () => {
  let programs: SidecarProgram[];
  let app: Server;
  let appPort: number;
  let seen: string[];

  beforeEach(async () => {
    programs = [];
    seen = [];
    app = createServer((request, response) => {
      seen.push(`${request.method} ${request.url}`);
      if (request.url === '/slow') setTimeout(() => response.end('slow'), 2000);
      else if (request.url === '/trace') response.end(request.headers.traceparent);
      else response.end(`app ${request.headers.host}`);
    }).listen(0, '127.0.0.1');
    await once(app, 'listening');
    appPort = (app.address() as AddressInfo).port;
  });
  afterEach(async () => {
    for (const program of programs) program.kill('SIGKILL');
    await Promise.all(programs.map(({ ended }) => ended));
    app.close();
    app.closeAllConnections();
  });

  const start = (environment: Record<string, string>) => {
    const program = new SidecarProgram(environment);
    programs.push(program);
    return program;
  };
  const plain = (more: Record<string, string> = {}) =>
    start({ ...freePorts, USER_PORT: `${appPort}`, CONTAINER_CONCURRENCY: '1', ...more });

  it('names all that is wrong with its environment, and ends with 1', async () => {
    const program = start({ ...knativeEnvironment(), USER_PORT: 'http', SERVING_POD_IP: 'none' });
    expect(await program.ended).toBe(1);
    expect(program.stderr).toBe(
      'pilotlight: the environment cannot be used:\n  USER_PORT is "http": expected a port from 1 to 65535\n  SERVING_POD_IP is "none": expected an IP address\n',
    );
  });

  it('names the variable of a port that is taken, and ends with 1', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const program = plain({ PILOTLIGHT_STATS_PORT: `${port}` });
    expect(await program.ended).toBe(1);
    other.close();
    expect(program.stderr).toContain(`PILOTLIGHT_STATS_PORT: 127.0.0.1:${port} is in use by another program`);
  });

  it('serves its app before any container, and says what it does', async () => {
    const program = plain();
    const { serving, metrics, stats } = await program.ports();
    expect(await program.untilLogged('"ports"')).toMatchObject({
      msg: 'serving',
      mode: 'plain',
      app: `127.0.0.1:${appPort}`,
      concurrency: 1,
      queueMax: 10,
      features: [],
    });
    const response = await fetch(`http://127.0.0.1:${serving}/`);
    expect([response.status, await response.text()]).toEqual([200, `app 127.0.0.1:${serving}`]);
    const printed = await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text();
    expect(printed).toContain('kn_serving_invocation_duration_seconds_count');
    const stat = await fetch(`http://127.0.0.1:${stats}/metrics`);
    expect(stat.headers.get('content-type')).toBe('application/protobuf');
  });

  it("is a revision's queue-proxy, with its keys in the log and no metrics unless they are asked for", async () => {
    const SERVING_READINESS_PROBE = `{"tcpSocket":{"port":${appPort}},"successThreshold":1}`;
    const program = start({
      ...knativeEnvironment(),
      ...freePorts,
      USER_PORT: `${appPort}`,
      SERVING_READINESS_PROBE,
    });
    const { serving, metrics } = await program.ports();
    expect(metrics).toBeUndefined();
    expect(await program.untilLogged('"ports"')).toMatchObject({
      severity: 'INFO',
      logger: 'queueproxy',
      message: 'serving',
      'knative.dev/key': 'default/llm-00001',
    });
    const headers = { 'user-agent': 'Knative-Activator-Probe', 'k-network-probe': 'queue' };
    const probe = await fetch(`http://127.0.0.1:${serving}/healthz`, { headers });
    expect([probe.status, await probe.text()]).toEqual([200, 'queue']);
  });

  it('is not ready while its app is not there', async () => {
    const program = plain({ USER_PORT: '1' });
    const { serving } = await program.ports();
    const headers = { 'user-agent': 'kube-probe/1.32', 'k-network-probe': 'queue' };
    expect((await fetch(`http://127.0.0.1:${serving}/`, { headers })).status).toBe(503);
    expect(await program.untilLogged('probed')).toMatchObject({ state: 'unready' });
    const response = await fetch(`http://127.0.0.1:${serving}/`);
    expect([response.status, await response.text()]).toEqual([502, expect.stringContaining('127.0.0.1:1')]);
  });

  it('writes a line for each request, and for probes where they are asked for', async () => {
    const OBSERVABILITY_CONFIG = JSON.stringify({
      enableRequestLog: true,
      enableProbeRequestLog: true,
      requestLogTemplate:
        '{"is":"{{.Request.Method}} {{.Request.URL.Path}} {{.Response.Code}} {{.Response.Size}}"}',
    });
    const program = plain({ OBSERVABILITY_CONFIG });
    const { serving } = await program.ports();
    await (await fetch(`http://127.0.0.1:${serving}/a?b`)).text();
    expect(await program.untilLogged('GET /a 200')).toEqual({
      is: `GET /a 200 ${`app 127.0.0.1:${serving}`.length}`,
    });
    const headers = { 'user-agent': 'kube-probe/1.32', 'k-network-probe': 'queue' };
    await fetch(`http://127.0.0.1:${serving}/b`, { headers });
    expect(await program.untilLogged('GET /b')).toEqual({ is: 'GET /b 200 5' });
  });

  it('tells the app and the log of its spans', async () => {
    const program = plain({ OBSERVABILITY_CONFIG: '{"tracing":{"protocol":"stdout"}}' });
    const { serving } = await program.ports();
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01` };
    const told = await (await fetch(`http://127.0.0.1:${serving}/trace`, { headers })).text();
    expect(told).toMatch(new RegExp(`^00-${traceId}-[\\da-f]{16}-01$`));
    expect(told).not.toBe(headers.traceparent);
    program.kill('SIGTERM');
    expect(JSON.stringify(await program.untilLogged('kn.queueproxy.wait'))).toContain(traceId);
  });

  it('sends an idle app to sleep, and wakes it for the next request', async () => {
    const program = plain({ PILOTLIGHT_SLEEP_IDLE: '200ms' });
    const { serving } = await program.ports();
    await program.untilLogged('sent to sleep');
    expect(seen).toEqual(['POST /sleep?level=1']);
    expect(await (await fetch(`http://127.0.0.1:${serving}/a`)).text()).toContain('app');
    expect(seen.slice(1, 4)).toEqual(['POST /wake_up', 'GET /health', 'GET /a']);
  });

  it("looks at the app's own gauges while it has requests, and says when they cannot be read", async () => {
    const program = plain({
      ...{ CONTAINER_CONCURRENCY: '8', PILOTLIGHT_ADAPTIVE: 'true' },
      PILOTLIGHT_ADAPTIVE_EVERY: '100ms',
    });
    const { serving } = await program.ports();
    const requests = Promise.all(
      Array.from({ length: 8 }, () =>
        fetch(`http://127.0.0.1:${serving}/slow`).then((answer) => answer.text()),
      ),
    );
    const { path } = await program.untilLogged('gauges cannot be read');
    expect(path).toBe('/metrics');
    await requests;
  });

  it('does not start with a template that is none', async () => {
    const OBSERVABILITY_CONFIG = '{"enableRequestLog":true,"requestLogTemplate":"{{.Request"}';
    const program = plain({ OBSERVABILITY_CONFIG });
    expect(await program.ended).toBe(1);
    expect(program.stderr).toContain('OBSERVABILITY_CONFIG is "{{.Request": expected a requestLogTemplate');
  });

  it('ends with 0 behind what runs and what comes in the quiet period', async () => {
    const program = plain({ PILOTLIGHT_DRAIN_QUIET: '1s', CONTAINER_CONCURRENCY: '0' });
    const { serving } = await program.ports();
    const running = fetch(`http://127.0.0.1:${serving}/slow`);
    await fetch(`http://127.0.0.1:${serving}/`);
    program.kill('SIGTERM');
    await program.untilLogged('until no more requests come');
    const headers = { 'user-agent': 'kube-probe/1.32', 'k-network-probe': 'queue' };
    const probe = await fetch(`http://127.0.0.1:${serving}/`, { headers });
    expect([probe.status, await probe.text()]).toEqual([503, 'shutting down\n']);
    const late = await fetch(`http://127.0.0.1:${serving}/`);
    expect(late.status).toBe(200);
    expect(await (await running).text()).toBe('slow');
    expect(await program.ended).toBe(0);
    expect(program.stderr).toBe('');
  });

  it('ends at once by a second signal', async () => {
    const program = plain({ PILOTLIGHT_DRAIN_QUIET: '1h' });
    await program.ports();
    program.kill('SIGTERM');
    await program.untilLogged('until no more requests come');
    program.kill('SIGTERM');
    expect(await program.ended).toBe(143);
  });

  it('keeps the hook of the app waiting until it has been quiet, and in plain mode takes requests again then', async () => {
    const program = plain({ PILOTLIGHT_DRAIN_QUIET: '1500ms' });
    const { admin, serving } = await program.ports();
    const headers = { 'user-agent': 'kube-probe/1.32', 'k-network-probe': 'queue' };
    const probe = async () => (await fetch(`http://127.0.0.1:${serving}/`, { headers })).status;
    const startedAtMs = performance.now();
    const hook = fetch(`http://127.0.0.1:${admin}/wait-for-drain`);
    await program.untilLogged('container of the app is ending');
    expect(await probe()).toBe(503);
    expect((await hook).status).toBe(200);
    expect(performance.now() - startedAtMs).toBeGreaterThan(1_400);
    expect(await probe()).toBe(200);
    expect((await fetch(`http://127.0.0.1:${admin}/`)).status).toBe(404);
  });
});
