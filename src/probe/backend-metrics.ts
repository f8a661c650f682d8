import type { BackendLoad } from '../core/signals.ts';

/**
 * The gauges that are known, by the name of the metric without labels. SGLang's and vLLM's have a series per model or
 * engine, Triton's one per model. The cache gauge of vLLM was renamed, llama.cpp has dropped its own, TGI has none.
 */
const gauges: Readonly<Record<string, keyof BackendLoad>> = {
  'vllm:num_requests_running': 'running',
  'vllm:num_requests_waiting': 'waiting',
  'vllm:kv_cache_usage_perc': 'kvCache',
  'vllm:gpu_cache_usage_perc': 'kvCache',
  'sglang:num_running_reqs': 'running',
  'sglang:num_queue_reqs': 'waiting',
  'sglang:token_usage': 'kvCache',
  'llamacpp:requests_processing': 'running',
  'llamacpp:requests_deferred': 'waiting',
  'llamacpp:kv_cache_usage_ratio': 'kvCache',
  tgi_batch_current_size: 'running',
  tgi_queue_size: 'waiting',
  nv_inference_pending_request_count: 'waiting',
};

/** A line of one of them: its name, and the rest. */
const sample = new RegExp(`^(${Object.keys(gauges).join('|')})(?![a-zA-Z0-9_:])(.*)$`, 'gm');

/** More requests than that are a lie. */
const mostRequests = 1e9;

/** A full cache may be told as a little more than full; more than that is no share. */
const fullCache = 1.05;

/**
 * Reads an exposition in the text format of Prometheus. Requests are summed over all series of a backend, and of its caches
 * the fullest counts. Values that are none (NaN, negative, beyond measure, a cache that is fuller than full) are left out. Null
 * where nothing is left.
 */
export function readBackendLoad(text: string): BackendLoad | null {
  const load: Record<keyof BackendLoad, number | null> = { waiting: null, running: null, kvCache: null };
  let isTold = false;
  for (const [, name = '', rest = ''] of text.matchAll(sample)) {
    const what = gauges[name];
    const value = numberIn(rest);
    if (what === undefined || value === null || value > (what === 'kvCache' ? fullCache : mostRequests))
      continue;
    isTold = true;
    if (what === 'kvCache') load.kvCache = Math.min(1, Math.max(load.kvCache ?? 0, value));
    else load[what] = (load[what] ?? 0) + value;
  }
  return isTold ? load : null;
}

/** Of `{labels} value [timestamp]`; a label's value may hold braces and escaped quotes. */
function numberIn(rest: string): number | null {
  const written = rest.trimStart().replace(/^\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\}/, '');
  const value = Number(written.trim().split(/\s+/, 1)[0] || Number.NaN);
  return Number.isFinite(value) && value >= 0 ? value : null;
}
