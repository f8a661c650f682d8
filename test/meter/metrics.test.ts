import { describe, expect, it } from 'vitest';
import { describeMetrics, renderMetrics } from '../../scripts/render-metrics.ts';
import type { ReplicaState } from '../../src/activation/replica-host.ts';
import type { ActivationState } from '../../src/activation/states.ts';
import { Metrics } from '../../src/meter/metrics.ts';
import { type ModelGauges, modelStates, replicaStates } from '../../src/meter/model-gauges.ts';

const idle: ModelGauges = {
  waiting: 0,
  waitingBytes: 0,
  oldestWaitMs: 0,
  signals: [],
  inFlight: 0,
  connections: 0,
  state: 'cold',
  replicaStates: [],
};
const answered = { outcome: 'answered', waitMs: 0, coldMs: 0, firstByteMs: 12, totalMs: 40, retries: 0 };

/** Metrics of these models, and a way to read one value. */
function metricsOf(
  models: Record<string, readonly ModelGauges[]>,
  lists: ReadonlyMap<string, number> | null = null,
) {
  const held = { memoryBytes: 0, spoolBytes: 0 };
  const metrics = new Metrics({
    *models() {
      for (const [name, all] of Object.entries(models)) for (const gauges of all) yield [name, gauges];
    },
    hasModel: (name) => name in models,
    gpus: () => [],
    held,
    droppedLogLines: () => 0,
    clusterLists: () => lists,
    jobs: () => null,
  });
  const print = () => metrics.registry.metrics();
  const value = async (series: string): Promise<number | null> => {
    const line = (await print()).split('\n').find((each) => each.startsWith(`${series} `));
    return line === undefined ? null : Number(line.slice(series.length + 1));
  };
  return { metrics, held, print, value };
}

describe('the metrics of a cluster', () => {
  it('count the lists of its collections by reason, where there is one', async () => {
    const series = 'pilotlight_cluster_lists_total{reason="expired"}';
    expect(await metricsOf({}).value(series)).toBeNull();
    const { value } = metricsOf({}, new Map([['expired', 2]]));
    expect([await value(series), await value(series)]).toEqual([2, 2]);
  });
});

describe('the metrics of requests', () => {
  it('count by model and outcome, and time from arrival to head and end', async () => {
    const { metrics, value } = metricsOf({ llama: [idle] });
    const meter = metrics.model('llama');
    meter.finished(answered);
    meter.finished({ ...answered, retries: 2, waitMs: 300 });
    meter.finished({ ...answered, outcome: 'queue_timeout', firstByteMs: null, coldMs: 9000 });
    expect(await value('pilotlight_requests_total{model="llama",outcome="answered"}')).toBe(2);
    expect(await value('pilotlight_requests_total{model="llama",outcome="queue_timeout"}')).toBe(1);
    expect(await value('pilotlight_retries_total{model="llama"}')).toBe(2);
    expect(await value('pilotlight_wait_seconds_sum{model="llama"}')).toBe(0.3);
    expect(await value('pilotlight_wait_seconds_count{model="llama"}')).toBe(3);
    expect(await value('pilotlight_cold_wait_seconds_bucket{le="10",model="llama"}')).toBe(1);
    expect(await value('pilotlight_cold_wait_seconds_bucket{le="5",model="llama"}')).toBe(0);
    expect(await value('pilotlight_first_byte_seconds_count{model="llama"}')).toBe(2);
    expect(await value('pilotlight_request_seconds_sum{model="llama"}')).toBe(0.12);
  });

  it('count the clients that left, before the answer and during it, from zero on', async () => {
    const { metrics, value } = metricsOf({ llama: [idle] });
    const meter = metrics.model('llama');
    expect(await value('pilotlight_client_aborts_total{model="llama",phase="before_answer"}')).toBe(0);
    meter.finished({ ...answered, outcome: 'gone', firstByteMs: null });
    meter.finished({ ...answered, outcome: 'gone' });
    meter.finished({ ...answered, outcome: 'gone' });
    expect(await value('pilotlight_client_aborts_total{model="llama",phase="before_answer"}')).toBe(1);
    expect(await value('pilotlight_client_aborts_total{model="llama",phase="during_answer"}')).toBe(2);
    expect(await value('pilotlight_requests_total{model="llama",outcome="gone"}')).toBe(3);
  });

  it('sort gaps between chunks into buckets, a gap on a bound into the one that ends there', async () => {
    const { metrics, value } = metricsOf({ llama: [idle] });
    for (const ms of [0, 1, 1.01, 30, 61_000]) metrics.model('llama').chunk(ms, 0);
    expect(await value('pilotlight_chunk_gap_seconds_bucket{le="0.001",model="llama"}')).toBe(2);
    expect(await value('pilotlight_chunk_gap_seconds_bucket{le="0.0025",model="llama"}')).toBe(3);
    expect(await value('pilotlight_chunk_gap_seconds_bucket{le="0.03",model="llama"}')).toBe(4);
    expect(await value('pilotlight_chunk_gap_seconds_bucket{le="60",model="llama"}')).toBe(4);
    expect(await value('pilotlight_chunk_gap_seconds_bucket{le="+Inf",model="llama"}')).toBe(5);
  });

  it('time the first chunk of a streamed answer by itself', async () => {
    const { metrics, value } = metricsOf({ llama: [idle] });
    const meter = metrics.model('llama');
    meter.chunk(null, 400);
    meter.chunk(20, 420);
    meter.chunk(null, 1_600);
    expect(meter.firstTokens()).toEqual({ count: 2, sumMs: 2_000 });
    expect(await value('pilotlight_first_token_seconds_sum{model="llama"}')).toBe(2);
    expect(await value('pilotlight_first_token_seconds_bucket{le="0.5",model="llama"}')).toBe(1);
    expect(await value('pilotlight_chunk_gap_seconds_count{model="llama"}')).toBe(1);
  });

  it('add up the tokens', async () => {
    const { metrics, value } = metricsOf({ llama: [idle] });
    metrics.model('llama').tokens({ promptTokens: 100, completionTokens: 20, cachedTokens: 64 });
    metrics.model('llama').tokens({ promptTokens: 1, completionTokens: 2, cachedTokens: 0 });
    expect(await value('pilotlight_prompt_tokens_total{model="llama"}')).toBe(101);
    expect(await value('pilotlight_completion_tokens_total{model="llama"}')).toBe(22);
    expect(await value('pilotlight_cached_prompt_tokens_total{model="llama"}')).toBe(64);
  });

  it('count a request for a model that is not there without its name', async () => {
    const { metrics, print } = metricsOf({});
    metrics.unrouted('model_not_found');
    expect(await print()).toContain('pilotlight_requests_total{model="",outcome="model_not_found"} 1');
  });
});

describe('the metrics of starts', () => {
  it('time each step from the one before, in the order of time', async () => {
    const { metrics, value } = metricsOf({ llama: [idle] });
    metrics.model('llama').startedReady(5000, [
      { name: 'port open', offsetMs: 1500 },
      { name: 'spawned', offsetMs: 500 },
      { name: 'ready', offsetMs: 5000 },
    ]);
    const sum = (phase: string) =>
      value(`pilotlight_cold_start_phase_seconds_sum{model="llama",phase="${phase}"}`);
    expect(await value('pilotlight_cold_start_seconds_sum{model="llama"}')).toBe(5);
    expect([await sum('spawned'), await sum('port open'), await sum('ready')]).toEqual([0.5, 1, 3.5]);
  });

  it('count the failed ones by the last step that they reached', async () => {
    const { metrics, value } = metricsOf({ llama: [idle] });
    metrics.model('llama').startFailed('loading');
    metrics.model('llama').startFailed(null);
    expect(await value('pilotlight_thrash_total{model="llama"}')).toBe(0);
    metrics.model('llama').thrashed();
    expect(await value('pilotlight_thrash_total{model="llama"}')).toBe(1);
    expect(await value('pilotlight_failed_starts_total{model="llama",phase="loading"}')).toBe(1);
    expect(await value('pilotlight_failed_starts_total{model="llama",phase="none"}')).toBe(1);
  });
});

describe('the gauges of models', () => {
  it('sum the revisions of a model, and take the longest of their waits', async () => {
    const next = { ...idle, waiting: 2, waitingBytes: 10, oldestWaitMs: 1500, inFlight: 1, connections: 3 };
    const old = { ...idle, waiting: 1, waitingBytes: 5, oldestWaitMs: 2500, inFlight: 4, connections: 4 };
    const { value } = metricsOf({ llama: [next, old] });
    expect(await value('pilotlight_queue_requests{model="llama"}')).toBe(3);
    expect(await value('pilotlight_queue_bytes{model="llama"}')).toBe(15);
    expect(await value('pilotlight_queue_oldest_seconds{model="llama"}')).toBe(2.5);
    expect(await value('pilotlight_in_flight_requests{model="llama"}')).toBe(5);
    expect(await value('pilotlight_upstream_connections{model="llama"}')).toBe(7);
  });

  it('count revisions and replicas by state, with a zero where there is none', async () => {
    const ready = { ...idle, state: 'ready', replicaStates: ['ready', 'ready', 'suspect'] };
    const { print, value } = metricsOf({ llama: [ready, { ...idle, state: 'draining' }], idle: [idle] });
    const text = await print();
    for (const state of replicaStates)
      expect(text).toContain(`pilotlight_replicas{model="idle",state="${state}"} 0`);
    for (const state of modelStates)
      expect(text).toContain(`pilotlight_revisions{model="llama",state="${state}"}`);
    expect(await value('pilotlight_replicas{model="llama",state="ready"}')).toBe(2);
    expect(await value('pilotlight_replicas{model="llama",state="suspect"}')).toBe(1);
    expect(await value('pilotlight_replicas{model="llama",state="ending"}')).toBe(0);
    expect(await value('pilotlight_revisions{model="llama",state="ready"}')).toBe(1);
    expect(await value('pilotlight_revisions{model="llama",state="draining"}')).toBe(1);
    expect(await value('pilotlight_revisions{model="llama",state="cold"}')).toBe(0);
  });

  it('say what signals ask for, and nothing of those that say nothing', async () => {
    const wish = { signal: 'queueDelay', count: 3, reason: '3 by queue delay: 12s, target 5s' } as const;
    const { print, value } = metricsOf({ llama: [{ ...idle, signals: [wish] }], idle: [idle] });
    expect(await value('pilotlight_scale_signal_replicas{model="llama",signal="queueDelay"}')).toBe(3);
    expect((await print()).match(/^pilotlight_scale_signal_replicas\{/gm)).toHaveLength(1);
  });

  it('know every state that activation knows', () => {
    const ofReplicas: Record<ReplicaState, true> = {
      starting: true,
      ready: true,
      suspect: true,
      dozing: true,
      asleep: true,
      waking: true,
      draining: true,
      ending: true,
    };
    const ofModels: Record<ActivationState | 'paused', true> = {
      cold: true,
      starting: true,
      ready: true,
      asleep: true,
      draining: true,
      failed: true,
      paused: true,
    };
    expect([...replicaStates].sort()).toEqual(Object.keys(ofReplicas).sort());
    expect([...modelStates].sort()).toEqual(Object.keys(ofModels).sort());
  });
});

describe('a model that is removed', () => {
  it('loses its series, and goes on counting when it comes back while its last requests run', async () => {
    const models: Record<string, readonly ModelGauges[]> = { llama: [idle], qwen: [idle] };
    const { metrics, print, value } = metricsOf(models);
    const meter = metrics.model('llama');
    metrics.model('qwen').finished(answered);
    meter.finished(answered);
    delete models.llama;
    meter.finished(answered);
    const text = await print();
    expect(text).not.toContain('llama');
    expect(text).toContain('pilotlight_requests_total{model="qwen",outcome="answered"} 1');
    models.llama = [idle];
    expect(metrics.model('llama')).toBe(meter);
    expect(await value('pilotlight_requests_total{model="llama",outcome="answered"}')).toBe(2);
  });
});

describe('the metrics of the process', () => {
  it('tell what is held, reloads, memory and processor time', async () => {
    const { metrics, held, value } = metricsOf({});
    Object.assign(held, { memoryBytes: 1024, spoolBytes: 4096 });
    metrics.reloaded('refused');
    expect(await value('pilotlight_held_bytes{place="memory"}')).toBe(1024);
    expect(await value('pilotlight_held_bytes{place="spool"}')).toBe(4096);
    expect(await value('pilotlight_config_reloads_total{outcome="refused"}')).toBe(1);
    expect(await value('pilotlight_config_reloads_total{outcome="taken"}')).toBe(0);
    const first = (await value('process_cpu_seconds_total'))!;
    expect(first).toBeGreaterThan(0);
    expect(await value('process_cpu_seconds_total')).toBeLessThan(first + 5);
    expect(await value('process_resident_memory_bytes')).toBeGreaterThan(1024 * 1024);
    expect(Math.abs((await value('process_start_time_seconds'))! - Date.now() / 1000)).toBeLessThan(3600);
    if (process.platform === 'linux') expect(await value('process_open_fds')).toBeGreaterThan(2);
  });

  it('tell how late timers fire: a blocked event loop, not the time between two measurements', async () => {
    const { value } = metricsOf({});
    const ticks = (count: number) =>
      new Promise<void>((resolve) => {
        const timer = setInterval(() => {
          if (--count > 0) return;
          clearInterval(timer);
          resolve();
        }, 10);
      });
    await ticks(10);
    const untilMs = performance.now() + 300;
    while (performance.now() < untilMs);
    await ticks(30);
    const text = await value('pilotlight_event_loop_lag_seconds{quantile="1"}');
    expect(text).toBeGreaterThan(0.15);
    await ticks(45);
    expect(await value('pilotlight_event_loop_lag_seconds{quantile="0.5"}')).toBeLessThan(0.03);
  });
});

describe('the list of metrics', () => {
  const described = describeMetrics();

  it.each(described)('$name has a name of the house and a sentence', ({ name, help, type }) => {
    expect(name).toMatch(/^(pilotlight|process|nodejs)_[a-z]+(_[a-z]+)*$/);
    expect(name.endsWith('_total')).toBe(type === 'counter');
    expect(help).toMatch(/^[A-Z].*\.$/);
    expect(help).not.toMatch(/[|\n]/);
  });

  it('has a row for each metric that a scrape prints, and no other', async () => {
    const { print } = metricsOf({ llama: [idle] });
    const printed = [...(await print()).matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [
      name,
      type,
    ]);
    const rows = [...renderMetrics().matchAll(/^\| `(\S+)` \| (\S+) \|/gm)].map(([, name, type]) => [
      name,
      type,
    ]);
    expect(rows).toEqual(printed);
  });
});
