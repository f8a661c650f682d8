import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { answerOk } from '../support/raw-backend.ts';
import { rawRequest } from '../support/raw-client.ts';
import { chunk } from '../support/raw-message.ts';
import { modelsAt, Rig } from '../support/raw-rig.ts';

const rig = new Rig();
afterEach(() => rig.close());

const spool = () => ({
  dir: mkdtempSync(join(tmpdir(), 'pilotlight-bodies-')),
  maxBytes: 64 * 1024 * 1024,
});

/** Where bodies are kept: all in memory, all in the spool, the beginning in memory and the rest in the spool. */
const places = { memory: 256 * 1024 * 1024, spool: 0, both: 100_000 } as const;

const head = (path: string, fields: string) => `POST ${path} HTTP/1.1\r\nhost: gateway\r\n${fields}\r\n`;
const lastChunk = '0\r\n\r\n';

describe.each(Object.entries(places))('a body kept in %s', (_place, heldMemoryBytes) => {
  const json = (bytes: number) => {
    const empty = '{"model":"alias-of-m","padding":""}';
    const noise = randomBytes(Math.max(0, bytes - empty.length))
      .toString('base64')
      .slice(0, bytes - empty.length);
    return `{"model":"alias-of-m","padding":"${noise}"}`;
  };

  it.each([500, 300_000, 5_000_000])(
    'of %i bytes of JSON arrives byte for byte, with the alias renamed and the right length',
    async (bytes) => {
      const backend = await rig.backend(answerOk);
      await rig.start(modelsAt([backend.url]), { server: { heldMemoryBytes, spool: spool() } });
      const body = json(bytes);
      const client = rig.client();
      client.write(rawRequest('/v1/chat/completions', body, 'content-type: application/json\r\n'));
      expect((await client.answer()).body).toBe('ok');
      const exchange = backend.exchanges[0]!;
      const expected = body.replace('"alias-of-m"', '"m"');
      expect(exchange.body.bytes.toString() === expected).toBe(true);
      expect(exchange.head.fields.get('content-length')).toBe(String(expected.length));
      await rig.untilNothingIsHeld();
    },
    30_000,
  );

  it('of a chunked upload arrives byte for byte, with the length that is known by then', async () => {
    const backend = await rig.backend(answerOk);
    await rig.start(modelsAt([backend.url]), { server: { heldMemoryBytes, spool: spool() } });
    const body = json(300_000);
    const client = rig.client();
    client.write(
      head('/v1/chat/completions', 'transfer-encoding: chunked\r\ncontent-type: application/json\r\n'),
    );
    for (let at = 0; at < body.length; at += 7_777) client.write(chunk(body.slice(at, at + 7_777)));
    client.write(lastChunk);
    expect((await client.answer()).body).toBe('ok');
    const exchange = backend.exchanges[0]!;
    const expected = body.replace('"alias-of-m"', '"m"');
    expect(exchange.body.bytes.toString() === expected).toBe(true);
    expect(exchange.head.fields.get('content-length')).toBe(String(expected.length));
  });

  it('of a streamed upload is sent again from its beginning after a 503 in the middle of it', async () => {
    let loads = 2;
    const backend = await rig.backend(async (exchange) => {
      await exchange.untilBytes(150_000);
      if (loads-- > 0) await exchange.answer('Loading model', '503 Service Unavailable');
      else {
        await exchange.whole();
        await exchange.answer('ok');
      }
    });
    await rig.start(modelsAt([backend.url]), { server: { heldMemoryBytes, spool: spool() } });
    const body = randomBytes(400_000);
    const client = rig.client();
    client.write(head('/any/x', `content-length: ${body.length}\r\n`)).write(body.subarray(0, 200_000));
    const third = await backend.exchange(2);
    await third.untilBytes(200_000);
    client.write(body.subarray(200_000));
    expect((await client.answer()).body).toBe('ok');
    expect(backend.exchanges[2]!.body.bytes.equals(body)).toBe(true);
    expect(backend.exchanges).toHaveLength(3);
    await rig.untilNothingIsHeld();
  });

  it('of a streamed upload goes to the other replica when one refuses the connection', async () => {
    const [gone, alive] = [await rig.backend(answerOk), await rig.backend(answerOk)];
    await rig.start(modelsAt([gone.url, alive.url]), { server: { heldMemoryBytes, spool: spool() } });
    await rig.untilReady('any', 2);
    await gone.refuse();
    for (const socket of gone.sockets) socket.destroy();
    const body = randomBytes(400_000);
    const clients = [0, 1].map(() => rig.client());
    for (const client of clients)
      client.write(head('/any/x', `content-length: ${body.length}\r\n`)).write(body.subarray(0, 200_000));
    await (await alive.exchange(1)).untilBytes(200_000);
    for (const client of clients) client.write(body.subarray(200_000));
    for (const client of clients) expect((await client.answer()).body).toBe('ok');
    expect(alive.exchanges.map((exchange) => exchange.body.bytes.equals(body))).toEqual([true, true]);
    expect(gone.exchanges).toHaveLength(0);
    await rig.untilNothingIsHeld();
  });

  it.each(['fin', 'rst'] as const)(
    'of a streamed upload whose client leaves (%s) is cut off at the backend',
    async (how) => {
      const backend = await rig.backend(answerOk);
      await rig.start(modelsAt([backend.url]), { server: { heldMemoryBytes, spool: spool() } });
      const client = rig.client();
      await client.send(head('/any/x', 'content-length: 400000\r\n'));
      await client.send(randomBytes(200_000));
      const exchange = await backend.exchange(0);
      await exchange.untilBytes(200_000);
      client.leave(how);
      await exchange.closed();
      expect(exchange.body.isWhole).toBe(false);
      await rig.untilNothingIsHeld();
    },
  );
});
