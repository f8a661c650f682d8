import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { RawBackend, RawExchange } from '../support/raw-backend.ts';
import { rawRequest } from '../support/raw-client.ts';
import { useSidecarRig } from './support/sidecar-rig.ts';

const rig = useSidecarRig();

const concurrency = 3;

/** What an app does wrong, by the path that asks for it. */
const faults: Record<string, (exchange: RawExchange) => void | Promise<void>> = {
  '/reset': (exchange) => exchange.reset(),
  '/close': (exchange) => exchange.end(),
  '/no-http': (exchange) => exchange.write('SSH-2.0-OpenSSH_9.2\r\n\r\n').then(() => exchange.end()),
  '/cut-length': async (exchange) => {
    await exchange.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf');
    exchange.reset();
  },
  '/cut-chunks': async (exchange) => {
    await exchange.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n');
    exchange.end();
  },
  '/bad-chunk': (exchange) =>
    exchange.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhalf\r\n'),
  '/half-head': async (exchange) => {
    await exchange.write('HTTP/1.1 200 OK\r\ncontent-le');
    exchange.reset();
  },
  '/never': () => undefined,
};

/** Sends five times what fits and expects exactly `concurrency` at once, all answered. */
async function expectAllSlots(app: RawBackend): Promise<void> {
  let running = 0;
  let peak = 0;
  app.script = async (exchange) => {
    // What was given up just now may arrive yet.
    if (exchange.path !== '/') return;
    peak = Math.max(peak, ++running);
    await exchange.whole();
    await pause(20);
    running--;
    await exchange.answer('ok');
  };
  const answers = await Promise.all(
    Array.from({ length: concurrency * 5 }, () => rig.client().write(rawRequest('/', 'x')).answer()),
  );
  expect(answers.map(({ status }) => status)).toEqual(Array(concurrency * 5).fill(200));
  expect(peak).toBe(concurrency);
}

/** An app with these faults and a sidecar before it. */
async function start(env: Record<string, string> = {}): Promise<RawBackend> {
  const app = await rig.app((exchange) => faults[exchange.path]!(exchange));
  await rig.start(app, { concurrency, env });
  return app;
}

describe('no slot is lost', () => {
  it.each(Object.keys(faults).filter((path) => path !== '/never'))(
    'when the app fails by %s',
    async (path) => {
      const app = await start();
      for (let count = 0; count < concurrency * 2; count++) {
        const client = rig.client().write(rawRequest(path, 'x'));
        const answer = await client.answer().catch(() => null);
        // Either it is told, or it sees that there is less than there was to be.
        expect(answer === null || answer.status === 502 || !answer.isWhole).toBe(true);
        client.destroy();
      }
      await expectAllSlots(app);
    },
  );

  it('when the app cannot be reached', async () => {
    const app = await start();
    await app.refuse();
    for (let count = 0; count < concurrency * 2; count++) {
      expect(await rig.client().write(rawRequest('/', 'x')).answer()).toMatchObject({ status: 502 });
    }
    await app.listen();
    await expectAllSlots(app);
  });

  it('when requests time out', async () => {
    const app = await start({ REVISION_TIMEOUT_SECONDS: '1' });
    const answers = await Promise.all(
      Array.from({ length: concurrency * 2 }, () => rig.client().write(rawRequest('/never', 'x')).answer()),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(concurrency * 2).fill(504));
    await expectAllSlots(app);
  });

  it('when clients leave at every stage', async () => {
    const app = await start();
    for (let round = 0; round < 30; round++) {
      const clients = Array.from({ length: concurrency + 2 }, () => rig.client());
      for (const client of clients) client.write(rawRequest('/never', 'x'.repeat(1_000)));
      // From before they were read until after they reached the app.
      await pause(round % 10);
      for (const [index, client] of clients.entries()) client.leave(index % 2 === 0 ? 'rst' : 'fin');
      for (const client of clients) client.destroy();
    }
    await expectAllSlots(app);
  });

  it('when heads are refused', async () => {
    const app = await start();
    for (let count = 0; count < concurrency * 2; count++) {
      const client = rig.client().write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n');
      expect((await client.answer()).status).toBe(400);
    }
    await expectAllSlots(app);
  });
});
