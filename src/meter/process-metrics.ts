import { readdir } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Registry } from 'prom-client';
import { Counter, Gauge } from './prom-core.ts';

/** Between two looks at the lag: a hundred looks a second took more than half a percent of a core from an idle gateway. */
const resolutionMs = 100;
const quantiles = [0.5, 0.99, 1];

/**
 * Registers the process's own figures under their standard names. prom-client's collectDefaultMetrics would add an
 * observer that runs at each garbage collection; these cost at a scrape only, but for the timer of the lag.
 */
export function registerProcessMetrics(registry: Registry): void {
  const registers = [registry];
  registerCpu(registry);
  const gauge = (name: string, help: string, read: () => number | Promise<number>) =>
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        this.set(await read());
      },
    });
  const startedAtS = Math.round(Date.now() / 1000 - process.uptime());
  gauge('process_start_time_seconds', 'Start of the process, in seconds since the epoch.', () => startedAtS);
  gauge('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss());
  gauge('process_open_fds', 'Open file descriptors; 0 where /proc is not there.', countOpenFiles);
  gauge('nodejs_heap_size_used_bytes', 'Used part of the heap.', () => process.memoryUsage().heapUsed);
  gauge('nodejs_heap_size_total_bytes', 'Size of the heap.', () => process.memoryUsage().heapTotal);
  gauge(
    'nodejs_external_memory_bytes',
    'Memory outside of the heap, buffers included.',
    () => process.memoryUsage().external,
  );
  registerEventLoopLag(registry);
}

function registerCpu(registry: Registry): void {
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'Processor time, of the process in user and system mode.',
    registers: [registry],
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
}

async function countOpenFiles(): Promise<number> {
  try {
    return (await readdir('/proc/self/fd')).length;
  } catch {
    return 0; // Not on this system.
  }
}

function registerEventLoopLag(registry: Registry): void {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  new Gauge({
    name: 'pilotlight_event_loop_lag_seconds',
    help: 'How late timers fire, since the last scrape, by quantile; 1 is the largest.',
    labelNames: ['quantile'],
    registers: [registry],
    collect() {
      for (const quantile of quantiles) {
        // The time between two ticks is recorded: what exceeds the time that was asked for is the lag.
        const betweenMs = (quantile === 1 ? delay.max : delay.percentile(quantile * 100)) / 1e6;
        this.set({ quantile }, delay.count === 0 ? 0 : Math.max(0, betweenMs - resolutionMs) / 1000);
      }
      delay.reset();
    },
  });
}
