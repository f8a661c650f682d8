import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { StaticBackend } from '../../../src/config/settings.ts';
import type { Target } from '../../../src/core/driver.ts';
import { createStaticDriver } from '../../../src/drivers/static/static-driver.ts';
import { describeDriver } from '../../conformance/driver.ts';
import { StatusLog } from '../../conformance/status-log.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const targetOf = (urls: readonly string[]): Target<StaticBackend> => ({
  id: 'tts/default',
  model: 'tts',
  revision: 'default',
  backend: { driver: 'static', urls },
});

describeDriver('static', async () => {
  const servers = await Promise.all([listen(), listen()]);
  const urls = servers.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return {
    driver: createStaticDriver({ clock: new ManualClock() }),
    target: targetOf(urls),
    runningFor: () => urls.length,
    isOwner: false,
    dispose: async () => {
      for (const server of servers) server.close();
    },
  };
});

describe('static driver', () => {
  it('keeps the path prefix of a url, and takes a url that is listed twice once', async () => {
    const driver = createStaticDriver({ clock: new ManualClock() });
    const log = new StatusLog(driver, targetOf(['http://a:1/v2/tts', 'http://b:1', 'http://b:1']));
    expect(log.last.replicas.map(({ origin, phase }) => [origin, phase])).toEqual([
      ['http://a:1/v2/tts', 'running'],
      ['http://b:1', 'running'],
    ]);
    await log.stop();
  });

  it('gives a server the same id whatever else is in the list', async () => {
    const driver = createStaticDriver({ clock: new ManualClock() });
    const before = new StatusLog(driver, targetOf(['http://a:1', 'http://b:1']));
    const after = new StatusLog(driver, targetOf(['http://b:1']));
    expect(after.last.replicas[0]?.id).toBe(before.last.replicas[1]?.id);
    await Promise.all([before.stop(), after.stop()]);
  });
});

async function listen(): Promise<Server> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
