import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { createEarsFactory } from '../../src/sidecar/model/answer-ears.ts';

function listening(features: { metrics?: boolean; loading?: string }) {
  const registry = new Registry();
  const said: string[] = [];
  const listen = createEarsFactory({
    features: {
      metrics: features.metrics ?? false,
      loading: features.loading === undefined ? null : { text: features.loading, path: '/health' },
    },
    holder: registry,
    readiness: { noteLoading: () => said.push('loading'), noteServed: () => said.push('served') },
    oldestWaitMs: () => 0,
  });
  return { registry, said, listen };
}

function answer(pieces: readonly string[], status = 503): string[] {
  const { said, listen } = listening({ loading: 'Loading mödel' });
  const ears = listen!(0);
  ears.onHead(status, ['content-type', 'application/json']);
  for (const piece of pieces) ears.onBytes(Buffer.from(piece, 'latin1'), 0);
  ears.onAnswered();
  return said;
}

const said = Buffer.from('{"error":{"message":"Loading mödel","code":503}}').toString('latin1');

describe('what listens to answers', () => {
  it('is not there where nothing is asked for', () => {
    const { registry, listen } = listening({});
    expect(listen).toBeNull();
    expect(registry.getMetricsAsArray()).toEqual([]);
  });

  it('hears the app say that it is loading, once, however that is cut', () => {
    expect(answer([said])).toEqual(['loading']);
    expect(answer([...said])).toEqual(['loading']);
    expect(answer([said, said])).toEqual(['loading']);
  });

  it('takes another answer for a sign that it serves, and another 503 for none', () => {
    expect(answer(['{}'], 200)).toEqual(['served']);
    expect(answer([said], 500)).toEqual(['served']);
    expect(answer(['{"error":"busy"}'])).toEqual([]);
  });

  it('looks no further than such a message is long', () => {
    expect(answer(['x'.repeat(4000), said])).toEqual(['loading']);
    expect(answer(['x'.repeat(4090), said])).toEqual([]);
    expect(answer(['x'.repeat(5000), said])).toEqual([]);
  });

  it('measures the tokens as well where both are asked for', async () => {
    const { registry, said, listen } = listening({ metrics: true, loading: 'Loading' });
    const ears = listen!(1_000);
    ears.onGranted(1_500);
    ears.onHead(200, ['content-type', 'text/event-stream']);
    ears.onBytes(Buffer.from('data: {}\n\n'), 2_000);
    ears.onAnswered();
    expect(said).toEqual(['served']);
    const text = await registry.metrics();
    expect(text).toContain('pilotlight_wait_seconds_sum 0.5\n');
    expect(text).toContain('pilotlight_first_token_seconds_sum 1\n');
  });
});
