import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { answerOk, type RawBackend } from '../support/raw-backend.ts';
import { rawChat, rawRequest } from '../support/raw-client.ts';
import { chunk } from '../support/raw-message.ts';
import { modelsAt, Rig } from '../support/raw-rig.ts';

const rig = new Rig();
afterEach(() => rig.close());

const spoolDir = () => mkdtempSync(join(tmpdir(), 'pilotlight-waiting-'));
const head = (path: string, fields: string) => `POST ${path} HTTP/1.1\r\nhost: gateway\r\n${fields}\r\n`;

/** A backend whose only slot is taken until `free` is called. */
async function busyBackend(
  more = '',
  server = {},
): Promise<{ backend: RawBackend; free: () => Promise<void> }> {
  const backend = await rig.backend(async (exchange) => {
    if (exchange.path !== '/any/first') await answerOk(exchange);
  });
  await rig.start(modelsAt([backend.url], `concurrency: 1\n    ${more}`), { server });
  rig.client().write(rawRequest('/any/first'));
  const first = await backend.exchange(0);
  return { backend, free: () => first.answer('first') };
}

const untilWaiting = (waiting: number) =>
  expect.poll(async () => (await rig.holdings()).waiting).toBe(waiting);

describe('an upload whose request waits', () => {
  it('is read to memory, then to the spool, and counted there', async () => {
    const spool = { dir: spoolDir(), maxBytes: 64 * 1024 * 1024 };
    const { backend, free } = await busyBackend('', { heldMemoryBytes: 100_000, spool });
    const body = randomBytes(500_000);
    const client = rig.client();
    client.write(head('/any/second', 'content-length: 500000\r\n'));
    await untilWaiting(1);
    await client.send(body.subarray(0, 60_000));
    await expect.poll(async () => (await rig.holdings()).heldBytes).toBe(60_000);
    expect((await rig.holdings()).spoolFiles).toBe(0);
    await client.send(body.subarray(60_000, 400_000));
    await expect.poll(() => rig.holdings()).toMatchObject({ waiting: 1, spoolFiles: 1 });
    expect((await rig.holdings()).heldBytes).toBeLessThanOrEqual(100_000);
    const waitingBytes = async () => {
      const response = await fetch(`${rig.gateway.adminUrl}/api/models/any`);
      return ((await response.json()) as { queue: { waitingBytes: number } }).queue.waitingBytes;
    };
    await expect.poll(waitingBytes).toBe(400_000);
    client.write(body.subarray(400_000));
    await free();
    expect((await client.answer()).body).toBe('ok');
    expect(backend.exchanges[1]!.body.bytes.equals(body)).toBe(true);
    await rig.untilNothingIsHeld();
  });

  it('is refused with queue_full while it is still running when it grows over queue.maxBytes', async () => {
    const { backend, free } = await busyBackend('queue: { maxBytes: 100KiB }');
    const client = rig.client();
    client.write(head('/any/second', 'transfer-encoding: chunked\r\n')).write(chunk(randomBytes(60_000)));
    await untilWaiting(1);
    client.write(chunk(randomBytes(60_000)));
    const answer = await client.answer();
    expect([answer.status, answer.code]).toEqual([429, 'queue_full']);
    expect(answer.fields.get('x-should-retry')).toBe('true');
    expect(Number(answer.fields.get('retry-after'))).toBeGreaterThanOrEqual(1);
    await free();
    await rig.untilNothingIsHeld();
    expect(backend.exchanges).toHaveLength(1);
  });

  it('is refused with memory_full when memory and spool are full, and the others are served', async () => {
    const spool = { dir: spoolDir(), maxBytes: 200_000 };
    const { backend, free } = await busyBackend('', { heldMemoryBytes: 100_000, spool });
    const small = rig.client();
    await small.send(rawChat({ note: 'small' }));
    const first = rig.client();
    await first.send(rawRequest('/any/kept', randomBytes(150_000)));
    await expect.poll(() => rig.holdings()).toMatchObject({ waiting: 1, spoolFiles: 1 });
    const second = rig.client();
    second.write(head('/any/refused', 'content-length: 400000\r\n')).write(randomBytes(300_000));
    const answer = await second.answer();
    expect([answer.status, answer.code]).toEqual([429, 'memory_full']);
    await free();
    expect((await small.answer()).body).toBe('ok');
    expect((await first.answer()).body).toBe('ok');
    await rig.untilNothingIsHeld();
    expect(backend.exchanges.map(({ path }) => path).toSorted()).toEqual(
      ['/any/first', '/any/kept', '/v1/chat/completions'].toSorted(),
    );
    // What the refused one had taken is free again.
    const again = rig.client();
    again.write(rawRequest('/any/again', randomBytes(250_000)));
    expect((await again.answer()).body).toBe('ok');
  });

  it.each(['fin', 'rst'] as const)('leaves nothing behind when its client leaves (%s)', async (how) => {
    const spool = { dir: spoolDir(), maxBytes: 64 * 1024 * 1024 };
    const { backend, free } = await busyBackend('', { heldMemoryBytes: 100_000, spool });
    const client = rig.client();
    client.write(head('/any/second', 'content-length: 500000\r\n'));
    await client.send(randomBytes(400_000));
    await expect.poll(() => rig.holdings()).toMatchObject({ waiting: 1, spoolFiles: 1 });
    client.leave(how);
    await expect
      .poll(() => rig.holdings())
      .toEqual({ waiting: 0, inFlight: 1, heldBytes: 0, spoolBytes: 0, spoolFiles: 0 });
    await free();
    await rig.untilNothingIsHeld();
    expect(backend.exchanges).toHaveLength(1);
  });
});
