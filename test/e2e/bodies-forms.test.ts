import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { answerOk } from '../support/raw-backend.ts';
import { chunk } from '../support/raw-message.ts';
import { modelsAt, Rig } from '../support/raw-rig.ts';

const rig = new Rig();
afterEach(() => rig.close());

const spool = { dir: mkdtempSync(join(tmpdir(), 'pilotlight-forms-')), maxBytes: 64 * 1024 * 1024 };

/** A transcription in two pieces: what comes before the file's bytes, and what comes after them. */
function form(model: string, order: 'model first' | 'file first') {
  const field = `--b\r\ncontent-disposition: form-data; name="model"\r\n\r\n${model}\r\n`;
  const file = `--b\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n`;
  return order === 'model first'
    ? { before: field + file, after: '\r\n--b--\r\n' }
    : { before: file, after: `\r\n${field}--b--\r\n` };
}

const head = (length: number | null) =>
  'POST /v1/audio/transcriptions HTTP/1.1\r\nhost: gateway\r\ncontent-type: multipart/form-data; boundary=b\r\n' +
  `${length === null ? 'transfer-encoding: chunked' : `content-length: ${length}`}\r\n\r\n`;

describe.each([
  ['memory', 256 * 1024 * 1024],
  ['spool', 0],
])('a form kept in %s', (_place, heldMemoryBytes) => {
  const start = (urls: readonly string[]) =>
    rig.start(modelsAt(urls), { server: { heldMemoryBytes, spool } });

  it('streams its file as soon as the model is known, under the name that the backend knows', async () => {
    const backend = await rig.backend(answerOk);
    await start([backend.url]);
    const file = randomBytes(300_000);
    const sent = form('alias-of-m', 'model first');
    const arrives = form('m', 'model first');
    const length = sent.before.length + file.length + sent.after.length;
    const client = rig.client();
    client.write(head(length) + sent.before).write(file.subarray(0, 100_000));
    const exchange = await backend.exchange(0);
    await exchange.untilBytes(arrives.before.length + 100_000);
    client.write(file.subarray(100_000)).write(sent.after);
    const whole = await exchange.whole();
    expect(whole.equals(Buffer.concat([Buffer.from(arrives.before), file, Buffer.from(arrives.after)]))).toBe(
      true,
    );
    expect(exchange.head.fields.get('content-length')).toBe(String(whole.length));
    expect((await client.answer()).body).toBe('ok');
    await rig.untilNothingIsHeld();
  });

  it('streams in chunks where the client does, and is renamed in them wherever they are cut', async () => {
    const backend = await rig.backend(answerOk);
    await start([backend.url]);
    const sent = form('alias-of-m', 'model first');
    const text = `${sent.before}the file${sent.after}`;
    const arrives = form('m', 'model first');
    for (const size of [1, 7, 90]) {
      const client = rig.client();
      client.write(head(null));
      for (let at = 0; at < text.length; at += size) await client.send(chunk(text.slice(at, at + size)));
      client.write('0\r\n\r\n');
      expect((await client.answer()).body).toBe('ok');
      const exchange = backend.exchanges.at(-1)!;
      expect(exchange.body.bytes.toString()).toBe(`${arrives.before}the file${arrives.after}`);
      expect(exchange.head.fields.get('transfer-encoding')).toBe('chunked');
    }
    await rig.untilNothingIsHeld();
  });

  it('whose model comes behind the file is read up to it first, then sent whole', async () => {
    const backend = await rig.backend(answerOk);
    await start([backend.url]);
    const file = randomBytes(300_000);
    const sent = form('alias-of-m', 'file first');
    const arrives = form('m', 'file first');
    const client = rig.client();
    await client.send(head(sent.before.length + file.length + sent.after.length) + sent.before);
    await client.send(file);
    await expect
      .poll(() => rig.holdings())
      .toMatchObject(heldMemoryBytes > 0 ? { inFlight: 0 } : { spoolFiles: 1 });
    expect(backend.exchanges).toHaveLength(0);
    client.write(sent.after);
    expect((await client.answer()).body).toBe('ok');
    const expected = Buffer.concat([Buffer.from(arrives.before), file, Buffer.from(arrives.after)]);
    expect(backend.exchanges[0]!.body.bytes.equals(expected)).toBe(true);
    await rig.untilNothingIsHeld();
  });

  it('is sent again, renamed again, after a 503 in the middle of the upload', async () => {
    let loads = 1;
    const backend = await rig.backend(async (exchange) => {
      await exchange.untilBytes(50_000);
      if (loads-- > 0) await exchange.answer('Loading model', '503 Service Unavailable');
      else await answerOk(exchange);
    });
    await start([backend.url]);
    const file = randomBytes(200_000);
    const sent = form('alias-of-m', 'model first');
    const arrives = form('m', 'model first');
    const client = rig.client();
    client.write(head(sent.before.length + file.length + sent.after.length) + sent.before);
    client.write(file.subarray(0, 100_000));
    await (await backend.exchange(1)).untilBytes(100_000);
    client.write(file.subarray(100_000)).write(sent.after);
    expect((await client.answer()).body).toBe('ok');
    const expected = Buffer.concat([Buffer.from(arrives.before), file, Buffer.from(arrives.after)]);
    expect(backend.exchanges[1]!.body.bytes.equals(expected)).toBe(true);
    await rig.untilNothingIsHeld();
  });
});

describe('a form that is refused', () => {
  it('is, over maxBody, in the dialect, and its sender can read that while it still sends', async () => {
    const backend = await rig.backend(answerOk);
    await rig.start(modelsAt([backend.url]), { server: { maxBodyBytes: 100_000 } });
    const client = rig.client();
    client
      .write(head(null))
      .write(chunk(form('m', 'file first').before))
      .write(chunk(randomBytes(120_000)));
    const answer = await client.answer();
    expect([answer.status, answer.code]).toEqual([413, 'body_too_large']);
    expect(answer.fields.get('connection')).toBe('close');
    expect(backend.exchanges).toHaveLength(0);
    await rig.untilNothingIsHeld();
  });

  it('is when its model is unknown, as soon as that is read', async () => {
    const backend = await rig.backend(answerOk);
    await rig.start(modelsAt([backend.url]));
    const client = rig.client();
    client.write(head(1_000_000) + form('nobody', 'model first').before).write(randomBytes(1_000));
    const answer = await client.answer();
    expect([answer.status, answer.code]).toEqual([404, 'model_not_found']);
    expect(backend.exchanges).toHaveLength(0);
    await rig.untilNothingIsHeld();
  });

  it('is when it ends without a model', async () => {
    const backend = await rig.backend(answerOk);
    await rig.start(modelsAt([backend.url]));
    const client = rig.client();
    const { before } = form('m', 'file first');
    client.write(`${head(before.length + 9)}${before}\r\n--b--\r\n`);
    const answer = await client.answer();
    expect([answer.status, answer.code]).toEqual([400, 'model_required']);
  });
});
