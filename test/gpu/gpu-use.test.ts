import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect, it } from 'vitest';
import { GpuMonitor } from '../../src/gpu/gpu-monitor.ts';
import { findGpuTool } from '../../src/gpu/gpu-tool.ts';
import { gpuUse } from '../../src/gpu/gpu-use.ts';
import { PeakMemory } from '../../src/gpu/peak-memory.ts';
import { PlayedGpus } from '../support/played-gpus.ts';

const mib = 1024 ** 2;
const unaborted = new AbortController().signal;
const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

it('memory is a replica’s by its process group, and all other is named by who holds it', async () => {
  const script = `
    const child = require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    child.once('spawn', () => console.log(child.pid));
  `;
  const leader = spawn(process.execPath, ['-e', script], { detached: true });
  closers.push(() => process.kill(-leader.pid!, 'SIGKILL'));
  const [said] = (await once(leader.stdout, 'data')) as [Buffer];
  const processes = [
    { pid: leader.pid!, bytes: 100 },
    { pid: Number(said.toString()), bytes: 20 },
    { pid: process.pid, bytes: 5 },
    { pid: 2 ** 30, bytes: null },
  ];
  const reading = { index: '0', uuid: null, totalBytes: 1_000, usedBytes: 125, processes };
  const use = gpuUse([reading], [{ id: 'a#1', pid: leader.pid!, isReady: true }]);
  expect([...use.bytesByReplica]).toEqual([['a#1', 120]]);
  expect(use.othersByGpu.get('0')).toEqual([
    expect.stringMatching(new RegExp(`^.+ \\(pid ${process.pid}\\)$`)),
    `pid ${2 ** 30}`,
  ]);
});

it('free memory is told by number and by UUID, and by neither while the tool fails', async () => {
  const gpus = new PlayedGpus([{ uuid: 'GPU-7', totalMib: 1_000, usedMib: 900 }]);
  closers.push(() => gpus.remove());
  const faults: (string | null)[] = [];
  const tool = findGpuTool(gpus.folder)!;
  const monitor = new GpuMonitor({ tool, onFault: (fault) => faults.push(fault) });
  const free = await monitor.freeBytes(unaborted);
  expect([...free.keys()]).toEqual(['0', 'GPU-7']);
  // 512 MiB of a card are never missed.
  expect(free.get('0')).toBe((100 + 512) * mib);
  gpus.fail('gone\n');
  expect((await monitor.freeBytes(unaborted)).size).toBe(0);
  expect((await monitor.freeBytes(unaborted)).size).toBe(0);
  expect(faults).toEqual([`${gpus.tool}: gone`]);
  await monitor.close();
});

it('a peak is known once a replica is ready, grows, and is forgotten when it was too little', () => {
  const peaks = new PeakMemory();
  const needs = { gpus: 1, memoryBytes: null, hostBytes: 0, pool: null };
  peaks.observe('m', 400 * mib, false);
  expect(peaks.fill('m', needs)).toBe(needs);
  peaks.observe('m', 300 * mib, true);
  expect(peaks.peakBytes('m')).toBe(400 * mib);
  expect(peaks.fill('m', needs).memoryBytes).toBe(420 * mib);
  peaks.observe('m', 500 * mib, true);
  peaks.observe('m', 10 * mib, true);
  expect(peaks.peakBytes('m')).toBe(500 * mib);
  peaks.forget('m');
  expect(peaks.peakBytes('m')).toBeNull();
});
