import OpenAI, { NotFoundError, toFile } from 'openai';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { sha256Of } from '../../../src/config/normalise.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { BatchRunner } from '../../../src/jobs/batch-runner.ts';
import { batch } from '../../../src/protocols/batch/batch.ts';
import { PlayedBatchDesk } from '../../support/played-batch-desk.ts';
import { serveSurface } from '../../support/served-surface.ts';

let played: PlayedBatchDesk;
let served: Awaited<ReturnType<typeof serveSurface>>;
let runner: BatchRunner;
let client: OpenAI;
const faults: unknown[] = [];

beforeEach(async () => {
  played = new PlayedBatchDesk(systemClock);
  runner = new BatchRunner({
    desk: played.desk,
    store: played.store,
    clock: systemClock,
    owner: 'test',
    leaseMs: 60_000,
    onFault: ({ error }) => faults.push(error),
  });
  runner.start();
  served = await serveSurface(batch, played.desk);
  client = new OpenAI({ baseURL: `${served.url}/v1`, apiKey: 'none', maxRetries: 0 });
});

afterEach(async () => {
  await runner.close();
  await served.close();
  expect(faults).toEqual([]);
});

const line = (id: string, more: object = {}) =>
  JSON.stringify({
    custom_id: id,
    method: 'POST',
    url: '/v1/chat/completions',
    body: { model: 'llama', messages: [], seed: 1, ...more },
  });

function upload(content: string, name = 'requests.jsonl') {
  return toFile(Buffer.from(content), name).then((file) => client.files.create({ file, purpose: 'batch' }));
}

describe("OpenAI's client", () => {
  it('uploads, finds, reads and deletes a file', async () => {
    const content = `${line('a')}\n${line('b')}\n`.repeat(2_000);
    const file = await upload(content);
    expect(file).toMatchObject({
      object: 'file',
      purpose: 'batch',
      filename: 'requests.jsonl',
      bytes: content.length,
      status: 'processed',
      expires_at: file.created_at + 30 * 86_400,
    });
    expect(await client.files.retrieve(file.id)).toEqual(file);
    expect((await client.files.list({ purpose: 'batch' })).data).toEqual([file]);
    expect((await client.files.list({ purpose: 'batch_output' })).data).toEqual([]);
    expect(await (await client.files.content(file.id)).text()).toBe(content);
    expect(await client.files.delete(file.id)).toEqual({ id: file.id, object: 'file', deleted: true });
    await expect(client.files.retrieve(file.id)).rejects.toThrow(NotFoundError);
    expect(played.blobs.contents.size).toBe(0);
  });

  it('pages through its files in both orders', async () => {
    const ids: string[] = [];
    for (const name of ['a', 'b', 'c', 'd', 'e']) ids.push((await upload(line(name))).id);
    const found = async (order: 'asc' | 'desc') => {
      const seen: string[] = [];
      for await (const { id } of client.files.list({ limit: 2, order })) seen.push(id);
      return seen;
    };
    const newest = await found('desc');
    expect([...newest].sort()).toEqual([...ids].sort());
    expect(await found('asc')).toEqual([...newest].reverse());
  });

  it('may say how long a file is kept, and is refused another purpose', async () => {
    const file = await toFile(Buffer.from(line('a')), 'a.jsonl');
    const expires_after = { anchor: 'created_at', seconds: 3_600 } as const;
    const kept = await client.files.create({ file, purpose: 'batch', expires_after });
    expect(kept.expires_at).toBe(kept.created_at + 3_600);
    await expect(client.files.create({ file, purpose: 'fine-tune' })).rejects.toMatchObject({
      status: 501,
      code: 'not_emulated',
      param: 'purpose',
    });
    expect(played.blobs.contents.size).toBe(1);
  });

  it('runs a batch and reads its output and its errors', async () => {
    const file = await upload(`${line('good')}\n${line('bad')}\n`);
    const made = await client.batches.create({
      input_file_id: file.id,
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
      metadata: { night: '1' },
    });
    expect(made).toMatchObject({
      object: 'batch',
      status: 'validating',
      metadata: { night: '1' },
      errors: null,
    });
    runner.poke();
    const [good, bad] = await vi.waitFor(() => {
      const members = played.members(made.id);
      expect(members).toHaveLength(2);
      return members;
    });
    expect(await client.batches.retrieve(made.id)).toMatchObject({
      status: 'in_progress',
      request_counts: { total: 2, completed: 0, failed: 0 },
    });
    played.end(good!.id, 'succeeded', { status: 200, body: '{"id":"chatcmpl-1"}' });
    played.end(bad!.id, 'failed', { status: 422, body: '{"error":{"message":"no"}}' });
    const ended = await vi.waitFor(async () => {
      const now = await client.batches.retrieve(made.id);
      expect(now.status).toBe('completed');
      return now;
    });
    expect(ended).toMatchObject({ request_counts: { total: 2, completed: 1, failed: 1 }, model: 'llama' });
    const output = JSON.parse(await (await client.files.content(ended.output_file_id!)).text());
    expect(output).toMatchObject({
      custom_id: 'good',
      response: { status_code: 200, body: { id: 'chatcmpl-1' } },
      error: null,
    });
    const errors = JSON.parse(await (await client.files.content(ended.error_file_id!)).text());
    expect(errors).toMatchObject({ custom_id: 'bad', response: { status_code: 422 }, error: null });
    expect((await client.batches.list()).data.map(({ id }) => id)).toEqual([made.id]);
  });

  it('is told of the faults of a file by a batch that is failed', async () => {
    const file = await upload(`${line('a')}\n${line('a')}\n{`);
    const { id } = await client.batches.create({
      input_file_id: file.id,
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
    });
    runner.poke();
    const { errors, failed_at } = await vi.waitFor(async () => {
      const now = await client.batches.retrieve(id);
      expect(now.status).toBe('failed');
      return now;
    });
    expect(failed_at).toEqual(expect.any(Number));
    expect(errors?.data?.map(({ code, line: at }) => [code, at])).toEqual([
      ['duplicate_custom_id', 2],
      ['invalid_json_line', 3],
    ]);
  });

  it.each([
    [{ completion_window: '1 day' }, 400, 'completion_window'],
    [{ endpoint: '/v1/videos' }, 400, 'endpoint'],
    [{ input_file_id: 'file-none' }, 404, 'id'],
    [{ metadata: { a: 'x'.repeat(513) } }, 400, 'metadata'],
    [{ output_expires_after: { anchor: 'created_at', seconds: 1 } }, 400, 'output_expires_after'],
  ])('is refused a batch with %j', async (more, status, param) => {
    const file = await upload(line('a'));
    const asked = {
      input_file_id: file.id,
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
      ...more,
    } as OpenAI.BatchCreateParams;
    await expect(client.batches.create(asked)).rejects.toMatchObject({ status, param });
  });

  it("is held to OpenAI's own limits where these are asked for", async () => {
    const strict = await serveSurface(batch, played.desk, { limits: 'original' });
    const asking = new OpenAI({ baseURL: `${strict.url}/v1`, apiKey: 'none', maxRetries: 0 });
    const named = (name: string) => toFile(Buffer.from(line('a')), name);
    await expect(
      asking.files.create({ file: await named('rows.txt'), purpose: 'batch' }),
    ).rejects.toMatchObject({ status: 400, param: 'file' });
    const { id } = await asking.files.create({ file: await named('rows.jsonl'), purpose: 'batch' });
    const asked = { input_file_id: id, endpoint: '/v1/chat/completions' } as const;
    await expect(asking.batches.create({ ...asked, completion_window: '1h' as '24h' })).rejects.toMatchObject(
      { status: 400, param: 'completion_window' },
    );
    await expect(asking.batches.create({ ...asked, completion_window: '24h' })).resolves.toMatchObject({
      status: 'validating',
    });
    await strict.close();
  });

  it('sees the files and batches of its own key alone', async () => {
    const keys = ['one', 'two'].map((name) => ({ name, sha256: sha256Of(name), priority: 'high' as const }));
    const keyed = await serveSurface(batch, played.desk, { keys });
    const as = (apiKey: string) => new OpenAI({ baseURL: `${keyed.url}/v1`, apiKey, maxRetries: 0 });
    const file = await toFile(Buffer.from(line('a')), 'rows.jsonl');
    const { id } = await as('one').files.create({ file, purpose: 'batch' });
    const made = await as('one').batches.create({
      input_file_id: id,
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
    });
    expect((await as('one').files.list()).data).toHaveLength(1);
    expect((await as('two').files.list()).data).toEqual([]);
    expect((await as('two').batches.list()).data).toEqual([]);
    for (const asked of [
      as('two').files.retrieve(id),
      as('two').files.content(id),
      as('two').files.delete(id),
      as('two').batches.retrieve(made.id),
      as('two').batches.cancel(made.id),
    ]) {
      await expect(asked).rejects.toThrow(NotFoundError);
    }
    await keyed.close();
  });
});
