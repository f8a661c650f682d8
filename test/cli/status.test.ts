import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { chat, settingsOf, startGateway } from '../support/gateway.ts';
import { processModel, World } from '../support/world.ts';
import { runProgram } from './program.ts';

const world = new World();
afterEach(async () => {
  vi.unstubAllEnvs();
  await world.close();
});

const statusOf = (admin: string, ...more: string[]) => runProgram(['status', '--admin', admin, ...more]);

/** A server that is no gateway. */
async function strange(status: number, body: string): Promise<string> {
  const server = createServer((_req, res) => res.writeHead(status).end(body)).listen(0, '127.0.0.1');
  world.onClose(() => void server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('pilotlight status', () => {
  it('prints a line for each model of a running gateway', async () => {
    const { adminUrl, url } = await world.gateway(processModel(0));
    expect((await statusOf(adminUrl)).stdout).toMatch(/^MODEL .*\nm +cold +0\/0 +0 +0 +- +-\n$/);
    expect((await fetch(`${url}/v1/chat/completions`, chat('m'))).status).toBe(200);
    const { code, stdout, stderr } = await statusOf(adminUrl);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^MODEL .*\nm +ready +1\/1 +0 +0 +ready in \d+\.\ds, \d+s ago +-\n$/);
  });

  it('takes an address without a scheme, and one with a slash at its end', async () => {
    const { adminUrl } = await world.gateway(processModel(0));
    for (const admin of [adminUrl.replace('http://', ''), `${adminUrl}/`])
      expect(await statusOf(admin)).toMatchObject({ code: 0, stdout: expect.stringMatching(/\nm +cold/) });
  });

  it('prints what the admin API tells with --json', async () => {
    const { adminUrl } = await world.gateway(processModel(0));
    const { code, stdout } = await statusOf(adminUrl, '--json');
    const { models } = (await (await fetch(`${adminUrl}/api/models`)).json()) as { models: object[] };
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual(models);
  });

  it('tells a failed start and its reason', async () => {
    const { adminUrl, url } = await world.gateway(
      `  broken: { backend: { driver: process, command: [/bin/sh, -c, 'echo no such GPU >&2; exit 3'] } }`,
    );
    expect((await fetch(`${url}/v1/chat/completions`, chat('broken'))).status).toBe(503);
    expect((await statusOf(adminUrl)).stdout).toMatch(/\nbroken +failed.* failed in \d.*no such GPU\n$/);
  });

  it('takes the token from the environment, and says so where it is missing or wrong', async () => {
    const settings = settingsOf(processModel(0));
    const admin = { ...settings.server.admin, token: 'open-sesame' };
    const { adminUrl, close } = await startGateway({ ...settings, server: { ...settings.server, admin } });
    world.onClose(close);
    const refusal = `pilotlight: ${adminUrl}/api/models refuses the token: set PILOTLIGHT_ADMIN_TOKEN to what server.admin.token is\n`;
    expect(await statusOf(adminUrl)).toEqual({ code: 1, stdout: '', stderr: refusal });
    vi.stubEnv('PILOTLIGHT_ADMIN_TOKEN', 'wrong');
    expect(await statusOf(adminUrl)).toEqual({ code: 1, stdout: '', stderr: refusal });
    vi.stubEnv('PILOTLIGHT_ADMIN_TOKEN', 'open-sesame\n');
    expect(await statusOf(adminUrl)).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('pilotlight status says in one line that', () => {
  it('no gateway is there', async () => {
    const { code, stdout, stderr } = await statusOf('http://127.0.0.1:1');
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(
      /^pilotlight: no gateway at http:\/\/127\.0\.0\.1:1\/api\/models \(.+\): is it running.*\n$/,
    );
  });

  it('what it asked is the request port', async () => {
    const { url } = await world.gateway(processModel(0));
    const { code, stderr } = await statusOf(url);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^pilotlight: .*\/api\/models answered 404, not as an admin port does.*is that server\.admin\?\n$/,
    );
  });

  it.each([
    ['another page', 200, '<html>Welcome</html>'],
    ['other JSON', 200, '{"models":{"llama":1}}'],
    ['null', 200, 'null'],
    ['a failure', 502, 'Bad Gateway'],
  ])('what it asked is no gateway: %s', async (_name, status, body) => {
    const { code, stderr } = await statusOf(await strange(status, body));
    expect(code).toBe(1);
    expect(stderr).toMatch(
      new RegExp(`^pilotlight: .*/api/models answered ${status}, not as an admin port does; .*\\n$`),
    );
  });

  it('what it was given is no address', async () => {
    expect(await statusOf('http://a b')).toMatchObject({
      code: 2,
      stderr: 'pilotlight: status: --admin: "http://a b" is no address, as in http://127.0.0.1:9090\n',
    });
  });
});
