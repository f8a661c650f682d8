import { describe, expect, it } from 'vitest';
import { readBackendLoad } from '../../src/probe/backend-metrics.ts';

describe('what backends tell of themselves', () => {
  it.each([
    [
      'vLLM',
      'vllm:num_requests_running{engine="0"} 3.0\nvllm:num_requests_waiting{engine="0"} 2.0\nvllm:kv_cache_usage_perc{engine="0"} 0.25\n',
      { running: 3, waiting: 2, kvCache: 0.25 },
    ],
    [
      'an older vLLM',
      'vllm:num_requests_running 3.0\nvllm:gpu_cache_usage_perc 0.5\nvllm:cpu_cache_usage_perc 0.9\n',
      { running: 3, waiting: null, kvCache: 0.5 },
    ],
    [
      'SGLang',
      'sglang:num_running_reqs{tp_rank="0"} 1\nsglang:num_queue_reqs{tp_rank="0"} 4\nsglang:token_usage{tp_rank="0"} 0.28\n',
      { running: 1, waiting: 4, kvCache: 0.28 },
    ],
    ['TGI', 'tgi_batch_current_size 7\ntgi_queue_size 0\n', { running: 7, waiting: 0, kvCache: null }],
    [
      'llama-server',
      'llamacpp:requests_processing 2\nllamacpp:requests_deferred 1\n',
      { running: 2, waiting: 1, kvCache: null },
    ],
    [
      'an older llama-server',
      'llamacpp:kv_cache_usage_ratio 0.63\n',
      { running: null, waiting: null, kvCache: 0.63 },
    ],
  ])('%s', (_, text, load) => {
    expect(
      readBackendLoad(`# HELP x y\n${text}vllm:num_requests_waiting_by_reason{reason="capacity"} 9\n`),
    ).toEqual(load);
  });

  it('of several engines is the sum of requests and the fullest of the caches', () => {
    const engine = (name: number, cache: number) =>
      `vllm:num_requests_waiting{engine="${name}"} 2\nvllm:kv_cache_usage_perc{engine="${name}"} ${cache}\n`;
    expect(readBackendLoad(engine(0, 0.2) + engine(1, 0.8))).toEqual({
      waiting: 4,
      running: null,
      kvCache: 0.8,
    });
  });

  it.each(['NaN', '+Inf', '-0.1', '45', '1e300', '', 'full'])('is no cache of %s', (value) => {
    expect(readBackendLoad(`vllm:kv_cache_usage_perc ${value}\n`)).toBeNull();
  });

  it.each(['NaN', '-Inf', '-1', '1e10', '1e300', 'many'])('is no number of requests of %s', (value) => {
    expect(readBackendLoad(`tgi_queue_size ${value}\n`)).toBeNull();
  });

  it('is a full cache where it is told a little too full', () => {
    expect(readBackendLoad('sglang:token_usage 1.002\n')?.kvCache).toBe(1);
  });
});
