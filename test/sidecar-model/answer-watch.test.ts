import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { AnswerWatch } from '../../src/sidecar/model/answer-watch.ts';
import { createTokenMetrics } from '../../src/sidecar/model/token-metrics.ts';

const stream = ['content-type', 'text/event-stream; charset=utf-8'];
const json = ['content-type', 'application/json'];

function measured(oldestWaitMs = 0) {
  const registry = new Registry();
  const metrics = createTokenMetrics(registry, () => oldestWaitMs);
  const value = async (name: string): Promise<number> => {
    const line = (await registry.metrics()).split('\n').find((text) => text.startsWith(`${name} `));
    return Number(line?.split(' ')[1]);
  };
  return { registry, metrics, value, watch: new AnswerWatch(metrics, 1_000) };
}

const event = (content: string) => `data: {"choices":[{"delta":{"content":"${content}"}}]}\n\n`;
const usage = (completion: number) =>
  `data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":${completion},"prompt_tokens_details":{"cached_tokens":4}}}\n\n`;

describe('a streamed answer', () => {
  it('tells the time to its first token, which no comment is, from the arrival', async () => {
    const { watch, value } = measured();
    watch.onGranted(1_050);
    watch.onHead(200, stream);
    watch.onBytes(Buffer.from(': ping\n\n'), 1_200);
    watch.onBytes(Buffer.from(event('a')), 1_500);
    watch.onBytes(Buffer.from(event('b')), 1_600);
    watch.onAnswered();
    expect(await value('pilotlight_first_token_seconds_sum')).toBeCloseTo(0.5, 9);
    expect(await value('pilotlight_first_token_seconds_count')).toBe(1);
    expect(await value('pilotlight_wait_seconds_sum')).toBeCloseTo(0.05, 9);
    expect(await value('pilotlight_chunk_gap_seconds_sum')).toBeCloseTo(0.1, 9);
    expect(await value('pilotlight_chunk_gap_seconds_count')).toBe(1);
  });

  it('tells its tokens and their rate by its usage', async () => {
    const { watch, value } = measured();
    watch.onHead(200, stream);
    watch.onBytes(Buffer.from(event('a')), 2_000);
    watch.onBytes(Buffer.from(`${event('several words')}${usage(41)}data: [DONE]\n\n`), 4_000);
    watch.onAnswered();
    expect(await value('pilotlight_prompt_tokens_total')).toBe(9);
    expect(await value('pilotlight_cached_prompt_tokens_total')).toBe(4);
    expect(await value('pilotlight_completion_tokens_total')).toBe(41);
    expect(await value('pilotlight_tokens_per_second_sum')).toBeCloseTo(20, 9);
  });

  it.each([1, 3, 7, 1_000])(
    'counts its events where it tells no usage, cut into pieces of %i',
    async (size) => {
      const { watch, value } = measured();
      const body = Buffer.from(
        `${event('a')}: data: no\n\nevent: x\ndata:\ndata: [DONE]\n\n${event('b').replaceAll('\n', '\r\n')}${event('c')}data: [DONE]\n\n`,
      );
      watch.onHead(200, stream);
      watch.onBytes(Buffer.from(event('first')), 2_000);
      for (let at = 0; at < body.length; at += size) watch.onBytes(body.subarray(at, at + size), 2_500);
      watch.onAnswered();
      expect(await value('pilotlight_tokens_per_second_sum')).toBeCloseTo(8, 9);
      expect(await value('pilotlight_completion_tokens_total')).toBe(0);
    },
  );

  it('keeps nothing of bytes that change afterwards', async () => {
    const { watch, value } = measured();
    const shared = Buffer.from(usage(41));
    watch.onHead(200, stream);
    watch.onBytes(shared, 2_000);
    shared.fill(0);
    watch.onAnswered();
    expect(await value('pilotlight_completion_tokens_total')).toBe(41);
  });

  it('has no tokens and no rate where it breaks off', async () => {
    const { watch, value } = measured();
    watch.onHead(200, stream);
    watch.onBytes(Buffer.from(event('a')), 2_000);
    watch.onBytes(Buffer.from(usage(41)), 3_000);
    expect(await value('pilotlight_first_token_seconds_count')).toBe(1);
    expect(await value('pilotlight_completion_tokens_total')).toBe(0);
    expect(await value('pilotlight_tokens_per_second_count')).toBe(0);
  });

  it('has no rate where all of it came at once', async () => {
    const { watch, value } = measured();
    watch.onHead(200, stream);
    watch.onBytes(Buffer.from(event('a') + usage(41)), 2_000);
    watch.onAnswered();
    expect(await value('pilotlight_tokens_per_second_count')).toBe(0);
    expect(await value('pilotlight_completion_tokens_total')).toBe(41);
  });
});

describe('another answer', () => {
  it('tells its tokens where it is JSON, and has no first token', async () => {
    const { watch, value } = measured();
    watch.onHead(200, json);
    watch.onBytes(Buffer.from('{"choices":[],"usage":{"prompt_tokens":9,'), 2_000);
    watch.onBytes(Buffer.from('"completion_tokens":5}}'), 2_001);
    watch.onAnswered();
    expect(await value('pilotlight_completion_tokens_total')).toBe(5);
    expect(await value('pilotlight_first_token_seconds_count')).toBe(0);
  });

  it.each([
    [500, json],
    [200, ['content-type', 'text/plain']],
    [200, [...json, 'content-encoding', 'gzip']],
    [200, []],
  ])('with status %i and %j tells nothing', async (status, fields) => {
    const { watch, value } = measured();
    watch.onHead(status, fields);
    watch.onBytes(Buffer.from('{"usage":{"prompt_tokens":9,"completion_tokens":5}}'), 2_000);
    watch.onAnswered();
    expect(await value('pilotlight_completion_tokens_total')).toBe(0);
  });
});

describe('the queue', () => {
  it('tells how long the oldest has waited', async () => {
    const { value } = measured(2_500);
    expect(await value('pilotlight_queue_oldest_seconds')).toBe(2.5);
  });
});
