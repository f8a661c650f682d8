import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Clock } from '../core/clock.ts';
import { countTokens, embed, writeAnswer } from './answer.ts';
import type { AnswerHead, CompletionShape, Usage } from './completion-shape.ts';
import type { DemoBackendOptions } from './options.ts';
import { type CompletionRequest, type JsonObject, readCompletion, readEmbedding } from './requests.ts';
import { Slots } from './slots.ts';

/** Where an answer goes, and the signal that its reader has gone. */
export interface Reply {
  readonly response: ServerResponse;
  readonly signal: AbortSignal;
}

/** Sends a whole JSON answer. */
export function sendJson(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}

/** Sends an event; waits for the socket when the reader is slower than the model. */
async function sendEvent(reply: Reply, data: string): Promise<void> {
  if (!reply.response.write(`data: ${data}\n\n`)) {
    await once(reply.response, 'drain', { signal: reply.signal });
  }
}

/** The part of the stand-in that takes time and slots. */
export class Engine {
  readonly #options: DemoBackendOptions;
  readonly #clock: Clock;
  readonly #slots: Slots;
  #answers = 0;
  #tokens = 0;

  constructor(options: DemoBackendOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    this.#slots = new Slots(options.slots);
  }

  /** Answers a completion; rejects with DemoError, or with the signal's reason when the reader has gone. */
  async complete(shape: CompletionShape, body: JsonObject, reply: Reply): Promise<void> {
    const request = readCompletion(body, shape.promptField, this.#options.answerTokens);
    const release = await this.#slots.acquire(reply.signal);
    try {
      await (request.isStream
        ? this.#stream(shape, request, reply)
        : this.#answerWhole(shape, request, reply));
    } finally {
      release();
    }
  }

  /** Answers an embedding request; rejects like `complete`. */
  async embed(body: JsonObject, reply: Reply): Promise<void> {
    const { inputs, dimensions, isBase64 } = readEmbedding(body);
    const release = await this.#slots.acquire(reply.signal);
    try {
      await this.#clock.sleep(this.#options.firstTokenMs, reply.signal);
      const data = inputs.map((input, index) => {
        const vector = embed(input, dimensions);
        const embedding = isBase64 ? Buffer.from(vector.buffer).toString('base64') : [...vector];
        return { object: 'embedding', index, embedding };
      });
      const tokens = inputs.reduce((sum, input) => sum + countTokens(input), 0);
      const usage = { prompt_tokens: tokens, total_tokens: tokens };
      sendJson(
        reply.response,
        200,
        JSON.stringify({ object: 'list', model: this.#options.model, data, usage }),
      );
    } finally {
      release();
    }
  }

  /** vLLM's gauges, in the Prometheus text format. */
  renderMetrics(): string {
    const name = this.#options.model.replace(/["\\\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`));
    const family = (metric: string, type: string, help: string, value: number) =>
      `# HELP vllm:${metric} ${help}\n# TYPE vllm:${metric} ${type}\nvllm:${metric}{model_name="${name}"} ${value}\n`;
    return [
      family('num_requests_running', 'gauge', 'Requests being generated (simulated).', this.#slots.running),
      family(
        'num_requests_waiting',
        'gauge',
        'Requests waiting for a slot (simulated).',
        this.#slots.waiting,
      ),
      family('generation_tokens_total', 'counter', 'Tokens generated (simulated).', this.#tokens),
    ].join('');
  }

  async #stream(shape: CompletionShape, request: CompletionRequest, reply: Reply): Promise<void> {
    const head = this.#nextHead(shape);
    let isOpen = false;
    for await (const token of this.#write(request, reply.signal)) {
      if (!isOpen) {
        isOpen = true;
        reply.response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
        const opening = shape.opening(head);
        if (opening !== null) await sendEvent(reply, JSON.stringify(opening));
      }
      await sendEvent(reply, JSON.stringify(shape.token(head, token)));
    }
    await sendEvent(reply, JSON.stringify(shape.closing(head, request.finishReason)));
    if (request.includesUsage) {
      await sendEvent(reply, JSON.stringify(shape.usage(head, usageOf(request))));
    }
    reply.response.end('data: [DONE]\n\n');
  }

  async #answerWhole(shape: CompletionShape, request: CompletionRequest, reply: Reply): Promise<void> {
    const head = this.#nextHead(shape);
    let text = '';
    for await (const token of this.#write(request, reply.signal)) text += token;
    const end = { finishReason: request.finishReason, usage: usageOf(request) };
    sendJson(reply.response, 200, JSON.stringify(shape.whole(head, text, end)));
  }

  async *#write(request: CompletionRequest, signal: AbortSignal): AsyncGenerator<string> {
    const { firstTokenMs, tokensPerSecond } = this.#options;
    const pace = { clock: this.#clock, firstTokenMs, tokensPerSecond };
    for await (const token of writeAnswer(pace, request.tokens, signal)) {
      this.#tokens += 1;
      yield token;
    }
  }

  #nextHead(shape: CompletionShape): AnswerHead {
    this.#answers += 1;
    const created = Math.floor(this.#clock.wallMs() / 1_000);
    return { id: `${shape.idPrefix}-demo-${this.#answers}`, created, model: this.#options.model };
  }
}

function usageOf(request: CompletionRequest): Usage {
  const promptTokens = countTokens(request.prompt);
  return {
    prompt_tokens: promptTokens,
    completion_tokens: request.tokens,
    total_tokens: promptTokens + request.tokens,
  };
}
