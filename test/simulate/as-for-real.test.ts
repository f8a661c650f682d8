import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it, vi } from 'vitest';
import type { SimulationReport } from '../../src/simulate/report.ts';
import { runProgram } from '../cli/program.ts';
import { chat } from '../support/gateway.ts';
import { Served, writeConfig } from '../support/served.ts';
import { World } from '../support/world.ts';

const world = new World();
afterEach(() => world.close());

/** The idle time is far from each gap, and each start has two requests that wait for it, whether it takes 1 s or 7 s. */
const idle = '9s';
const arrivals: readonly (readonly [atS: number, model: string])[] = [
  [0, 'a'],
  [0.5, 'a'],
  [3, 'b'],
  [3.5, 'b'],
  [8, 'a'],
  [11, 'b'],
  [20, 'a'],
  [20.5, 'a'],
  [23, 'b'],
  [23.5, 'b'],
  [28, 'a'],
  [31, 'b'],
];

const model = (name: string) => `
  ${name}:
    backend:
      driver: process
      command: ["{pilotlight}", demo-backend, --port, "{port}", --model, ${name}, --load-time, 2s, --first-token, 50ms]
      stopGrace: 100ms
    scale: { idle: ${idle} }
`;

interface AccessLine {
  readonly msg: string;
  readonly waitMs: number;
  readonly coldMs: number;
  readonly status: number;
}

interface ModelView {
  readonly lastStarts: readonly { readonly outcome: string; readonly totalMs: number }[];
}

/** Plays the arrivals to a gateway; resolves with its log and what its starts took, when all are answered. */
async function playForReal(): Promise<{ lines: readonly object[]; startsMs: readonly number[] }> {
  const config = writeConfig(`${model('a')}${model('b')}`);
  world.onClose(() => config.remove());
  const served = await Served.start(config.file);
  world.onClose(() => served.end());
  const beganMs = performance.now();
  await Promise.all(
    arrivals.map(async ([atS, name]) => {
      await sleep(Math.max(0, beganMs + atS * 1000 - performance.now()));
      const response = await fetch(`${served.url}/v1/chat/completions`, chat(name, { max_tokens: 5 }));
      expect(response.status).toBe(200);
      await response.text();
    }),
  );
  const isRequest = ({ msg }: { readonly msg?: unknown }) => msg === 'request';
  await vi.waitUntil(() => served.log.filter(isRequest).length === arrivals.length);
  const { models } = (await (await fetch(`${served.adminUrl}/api/models`)).json()) as { models: ModelView[] };
  const starts = models.flatMap(({ lastStarts }) => lastStarts);
  return { lines: served.log, startsMs: starts.map(({ totalMs }) => totalMs) };
}

it('a gateway has as many cold requests and starts as the simulation of its own log says, and waits within a tenth', async () => {
  const { lines, startsMs } = await playForReal();
  const dir = mkdtempSync(join(tmpdir(), 'pilotlight-real-'));
  world.onClose(() => rmSync(dir, { recursive: true }));
  const file = join(dir, 'access.log');
  writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const meanStartMs = startsMs.reduce((sum, ms) => sum + ms, 0) / startsMs.length;
  const args = ['--trace', file, '--load', `${meanStartMs.toFixed(0)}ms`, '--policy', `fixed:${idle}`];
  const { code, stdout, stderr } = await runProgram(['simulate', ...args, '--json']);
  expect([code, stderr]).toEqual([0, '']);
  const report = JSON.parse(stdout) as SimulationReport;
  const simulated = report.policies[0]!;

  const real = (lines as AccessLine[]).filter(({ msg }) => msg === 'request');
  const meanWaitMs = real.reduce((sum, { waitMs, coldMs }) => sum + waitMs + coldMs, 0) / real.length;
  expect(report.traces[0]).toMatchObject({ format: 'pilotlight', requests: arrivals.length, malformed: 0 });
  expect(simulated.requests).toBe(real.length);
  expect(simulated.coldRequests).toBe(real.filter(({ coldMs }) => coldMs > 0).length);
  expect(simulated.coldRequests).toBe(8);
  expect(simulated.starts).toBe(startsMs.length);
  expect(Math.abs(simulated.waitMs!.mean - meanWaitMs)).toBeLessThan(meanWaitMs / 10);
  expect(meanWaitMs).toBeGreaterThan(1_000);
}, 120_000);
