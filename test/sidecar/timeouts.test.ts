import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { rawRequest } from '../support/raw-client.ts';
import { chunk } from '../support/raw-message.ts';
import { useSidecarRig } from './support/sidecar-rig.ts';

const rig = useSidecarRig();

const total = { REVISION_TIMEOUT_SECONDS: '1' };
const start = { REVISION_RESPONSE_START_TIMEOUT_SECONDS: '1' };
const idle = { REVISION_IDLE_TIMEOUT_SECONDS: '1' };

const chunkedHead = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';

describe.each([
  ['the whole request', total],
  ['the start of the answer', start],
  ['each pause in the answer', idle],
])('the timeout of %s', (_, env) => {
  it('answers 504 and request timeout to who got nothing yet', async () => {
    const app = await rig.app(() => undefined);
    await rig.start(app, { env });
    const beganAtMs = performance.now();
    const answer = await rig.client().write(rawRequest('/', 'x')).answer();
    expect(answer).toMatchObject({ status: 504, body: 'request timeout' });
    const tookMs = performance.now() - beganAtMs;
    expect(tookMs).toBeGreaterThan(950);
    expect(tookMs).toBeLessThan(2_500);
    // The exchange with the app is given up.
    await (await app.exchange(0)).closed();
  });

  it('counts the time in the queue', async () => {
    const app = await rig.app(() => undefined);
    await rig.start(app, { env, concurrency: 1 });
    const first = rig.client().write(rawRequest('/1'));
    await app.exchange(0);
    await pause(500);
    const beganAtMs = performance.now();
    const second = rig.client().write(rawRequest('/2'));
    expect(await first.answer()).toMatchObject({ status: 504 });
    expect(await second.answer()).toMatchObject({ status: 504, body: 'request timeout' });
    expect(performance.now() - beganAtMs).toBeLessThan(1_450);
  });
});

it('an answer that has begun is not touched by the timeout of its start', async () => {
  const app = await rig.app(async (exchange) => {
    await exchange.write(chunkedHead);
    await exchange.write(chunk('a'));
    await pause(1_500);
    await exchange.write(Buffer.concat([chunk('b'), Buffer.from('0\r\n\r\n')]));
  });
  await rig.start(app, { env: start });
  const answer = await rig.client().write(rawRequest('/', 'x')).answer();
  expect(answer).toMatchObject({ status: 200, body: 'ab', isWhole: true });
});

it('each byte of the answer begins the timeout of pauses anew', async () => {
  const app = await rig.app(async (exchange) => {
    await exchange.write(chunkedHead);
    for (let count = 0; count < 6; count++) {
      await exchange.write(chunk('x'));
      await pause(400);
    }
    await exchange.write('0\r\n\r\n');
  });
  await rig.start(app, { env: idle });
  const answer = await rig.client().write(rawRequest('/', 'x')).answer();
  expect(answer).toMatchObject({ status: 200, body: 'xxxxxx', isWhole: true });
});

it('without a timeout of pauses an answer may pause', async () => {
  const app = await rig.app(async (exchange) => {
    await exchange.write(chunkedHead);
    await exchange.write(chunk('x'));
    await pause(2_000);
    await exchange.write(Buffer.concat([chunk('y'), Buffer.from('0\r\n\r\n')]));
  });
  await rig.start(app);
  const answer = await rig.client().write(rawRequest('/', 'x')).answer();
  expect(answer).toMatchObject({ status: 200, body: 'xy', isWhole: true });
});
