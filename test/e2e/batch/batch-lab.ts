import { appendFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import OpenAI, { toFile } from 'openai';
import type { Batch } from 'openai/resources/batches';
import { expect, vi } from 'vitest';
import { type Backend, startBackend } from '../../support/backend.ts';
import { Served, writeConfig } from '../../support/served.ts';

/** A line of an output or error file. */
export interface OutputLine {
  readonly custom_id: string;
  readonly response: { readonly status_code: number; readonly body: { readonly echo?: string } } | null;
  readonly error: { readonly code: string } | null;
}

/** A gateway with batches in a process of its own, on SQLite, that can be killed and started again where it was. */
export class BatchLab {
  readonly backend: Backend;
  readonly #config: ReturnType<typeof writeConfig>;
  #served: Served;
  /** Asks the gateway that runs at the moment. */
  client!: OpenAI;

  private constructor(backend: Backend, config: ReturnType<typeof writeConfig>, served: Served) {
    this.backend = backend;
    this.#config = config;
    this.#served = served;
    this.#connect();
  }

  /** `answerMs`: how long the backend takes for a row; `jobs`: further lines of the configuration. */
  static async start({ answerMs = 0, store = 'sqlite', jobs = '' } = {}): Promise<BatchLab> {
    const backend = await startBackend((res, _req, body) => {
      const echo = (JSON.parse(body) as { messages: { content: string }[] }).messages[0]!.content;
      const answer = JSON.stringify({
        echo,
        usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
      });
      setTimeout(() => res.writeHead(200, { 'content-type': 'application/json' }).end(answer), answerMs);
    });
    const config = writeConfig(
      `  llama: { concurrency: 16, backend: { driver: static, urls: ["${backend.url}"] } }\n`,
    );
    const top = `store: ${store}\nstateDir: ${join(dirname(config.file), 'state')}\nsurfaces: { batch: {} }\n${jobs}\n`;
    appendFileSync(config.file, top);
    return new BatchLab(backend, config, await Served.start(config.file));
  }

  #connect(): void {
    this.client = new OpenAI({ baseURL: `${this.#served.url}/v1`, apiKey: 'none', maxRetries: 0 });
  }

  /** kill -9, and another one in its place. */
  async killAndRestart(): Promise<void> {
    this.#served.kill('SIGKILL');
    await this.#served.exit;
    await this.replace();
  }

  /** Another gateway on the same store and folder, which is asked from now on; returns what kills the one before. */
  async replace(): Promise<() => void> {
    const before = this.#served;
    this.#served = await Served.start(this.#config.file);
    this.#connect();
    return () => before.kill('SIGKILL');
  }

  /** Uploads so many rows and makes a batch of them. */
  async begin(rows: number, window = '24h'): Promise<Batch> {
    const line = (index: number) =>
      JSON.stringify({
        custom_id: `row-${index}`,
        method: 'POST',
        url: '/v1/chat/completions',
        body: { model: 'llama', messages: [{ role: 'user', content: `row-${index}` }] },
      });
    const content = Array.from({ length: rows }, (_, index) => line(index)).join('\n');
    const file = await this.client.files.create({
      file: await toFile(Buffer.from(content), 'rows.jsonl'),
      purpose: 'batch',
    });
    return this.client.batches.create({
      input_file_id: file.id,
      endpoint: '/v1/chat/completions',
      completion_window: window as '24h',
    });
  }

  /** The batch once it is so. */
  until(id: string, isSo: (batch: Batch) => boolean): Promise<Batch> {
    return vi.waitUntil(
      async () => {
        const batch = await this.client.batches.retrieve(id);
        return isSo(batch) ? batch : null;
      },
      { timeout: 90_000, interval: 10 },
    );
  }

  /** The lines of a file of a batch; none where it has no such file. */
  async linesOf(fileId: string | null | undefined): Promise<OutputLine[]> {
    if (fileId === null || fileId === undefined) return [];
    const text = await (await this.client.files.content(fileId)).text();
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as OutputLine);
  }

  /** Counts what is missing, doubled or mixed up in the files of a batch of so many rows. */
  async tally(batch: Batch, rows: number): Promise<{ missing: number; doubled: number; wrong: number }> {
    const lines = [
      ...(await this.linesOf(batch.output_file_id)),
      ...(await this.linesOf(batch.error_file_id)),
    ];
    const ids = new Set(lines.map((line) => line.custom_id));
    const answered = lines.filter(({ response }) => response?.status_code === 200);
    const wrong = answered.filter((line) => line.response?.body.echo !== line.custom_id).length;
    expect([...ids].every((id) => /^row-\d+$/.test(id))).toBe(true);
    return { missing: rows - ids.size, doubled: lines.length - ids.size, wrong };
  }

  async close(): Promise<void> {
    await this.#served.end();
    await this.backend.close();
    this.#config.remove();
  }
}
