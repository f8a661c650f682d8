import { appendFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import OpenAI from 'openai';
import { accumulateResponse } from 'openai/lib/responses/ResponseAccumulator';
import type { Response, ResponseStreamEvent } from 'openai/resources/responses/responses';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Backend, startBackend } from '../../support/backend.ts';
import { Served, writeConfig } from '../../support/served.ts';

let backend: Backend;
let served: Served;
let config: ReturnType<typeof writeConfig>;

afterEach(async () => {
  await served?.end();
  await backend?.close();
  config?.remove();
});

const word = (content: string) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`;

describe('a stream of a background response whose gateway is killed', () => {
  it('goes on behind what the client has, and what the lost attempt told is void', async () => {
    let attempts = 0;
    // The first attempt stops after a word, the second says it all.
    backend = await startBackend((res) => {
      attempts += 1;
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write(word('Lost'));
      if (attempts === 1) return;
      res.write(word(' and found.'));
      res.write('data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n');
      res.end('data: [DONE]\n\n');
    });
    config = writeConfig(
      `  llama: { contract: { name: openai, responses: chat }, backend: { driver: static, urls: ["${backend.url}"] } }\n`,
    );
    const stateDir = join(dirname(config.file), 'state');
    appendFileSync(config.file, `store: sqlite\nstateDir: ${stateDir}\nsurfaces: { responses: {} }\n`);
    served = await Served.start(config.file);
    const clientOf = () => new OpenAI({ baseURL: `${served.url}/v1`, apiKey: 'none', maxRetries: 0 });
    const asked = { model: 'llama', input: 'x', background: true, stream: true } as const;
    const events: ResponseStreamEvent[] = [];
    for await (const event of await clientOf().responses.create(asked)) {
      events.push(event);
      if (event.type === 'response.output_text.delta') break;
    }
    const [created] = events;
    const { id } = (created as { response: Response }).response;
    const after = events.at(-1)!.sequence_number;
    served.kill('SIGKILL');
    await served.exit;
    served = await Served.start(config.file);
    const rest = await clientOf().responses.retrieve(id, { stream: true, starting_after: after });
    for await (const event of rest) events.push(event);
    let response: Response | undefined;
    for (const event of events) response = accumulateResponse(event, response);
    expect(response).toMatchObject({
      id,
      status: 'completed',
      output: [{ content: [{ text: 'Lost and found.' }] }],
    });
    expect(attempts).toBe(2);
    await vi.waitFor(async () => {
      expect((await clientOf().responses.retrieve(id)).output_text).toBe('Lost and found.');
    });
  });
});
