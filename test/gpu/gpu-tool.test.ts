import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { findGpuTool } from '../../src/gpu/gpu-tool.ts';
import { PlayedGpus } from '../support/played-gpus.ts';

const mib = 1024 ** 2;
const unaborted = new AbortController().signal;
const opened: PlayedGpus[] = [];

function played(...args: ConstructorParameters<typeof PlayedGpus>): PlayedGpus {
  const gpus = new PlayedGpus(...args);
  opened.push(gpus);
  return gpus;
}

afterEach(() => {
  for (const gpus of opened.splice(0)) gpus.remove();
});

const read = (gpus: PlayedGpus, signal = unaborted) => findGpuTool(gpus.folder)!.read(signal);

it('reads each card with its memory in bytes and those who hold it', async () => {
  const gpus = played([
    { totalMib: 24_576, usedMib: 1_000 },
    { totalMib: 81_920, usedMib: 3 },
  ]);
  gpus.hold([
    { pid: 41, uuid: 'GPU-0', mib: 900 },
    { pid: 42, uuid: 'GPU-0', mib: '[N/A]' },
  ]);
  expect(await read(gpus)).toEqual([
    {
      index: '0',
      uuid: 'GPU-0',
      totalBytes: 24_576 * mib,
      usedBytes: 1_000 * mib,
      processes: [
        { pid: 41, bytes: 900 * mib },
        { pid: 42, bytes: null },
      ],
    },
    { index: '1', uuid: 'GPU-1', totalBytes: 81_920 * mib, usedBytes: 3 * mib, processes: [] },
  ]);
});

it('leaves out a card whose memory the driver does not tell', async () => {
  const gpus = played([
    { totalMib: '[N/A]', usedMib: '[N/A]' },
    { totalMib: 100, usedMib: '[Unknown Error]' },
    { totalMib: 100, usedMib: 7 },
  ]);
  expect((await read(gpus)).map(({ index }) => index)).toEqual(['2']);
});

it('rejects with what the tool said when it fails', async () => {
  const gpus = played([{ totalMib: 1, usedMib: 0 }]);
  gpus.fail('NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver.\n\nMore.\n');
  await expect(read(gpus)).rejects.toThrow(
    `${gpus.tool}: NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver.`,
  );
});

it.each([
  ['', 'it says nothing'],
  ['\u0000\u0001 garbage\n', 'garbage'],
  ['a,b\n', '"a,b"'],
])('rejects when it says %j', async (said, told) => {
  const gpus = played([]);
  gpus.say('cards', [said]);
  await expect(read(gpus)).rejects.toThrow(told);
});

it('gives up on one that does not answer within 5 s', { timeout: 20_000 }, async () => {
  const gpus = played([{ totalMib: 1, usedMib: 0 }]);
  gpus.hang();
  await expect(read(gpus)).rejects.toThrow('no answer within 5s');
});

it('is not waited for any more once the signal aborts', async () => {
  const gpus = played([{ totalMib: 1, usedMib: 0 }]);
  gpus.hang();
  const ending = new AbortController();
  const reading = read(gpus, ending.signal);
  ending.abort();
  await expect(reading).rejects.toThrow();
});

it('reads what rocm-smi says, warnings before it included', async () => {
  const gpus = played([], 'rocm-smi');
  const cards = {
    card0: { 'VRAM Total Memory (B)': '21458059264', 'VRAM Total Used Memory (B)': '27856896' },
    card1: { 'VRAM Total Memory (B)': 'N/A', 'VRAM Total Used Memory (B)': 'N/A' },
    system: { 'Driver version': '6.8' },
  };
  gpus.say('processes', [
    `WARNING: AMD GPU device(s) is/are in a low-power state.\n${JSON.stringify(cards)}\n`,
  ]);
  expect(await read(gpus)).toEqual([
    { index: '0', uuid: null, totalBytes: 21_458_059_264, usedBytes: 27_856_896, processes: [] },
  ]);
});

it('finds no tool where PATH has none, only a folder of its name, or relative folders', () => {
  const gpus = played([]);
  gpus.remove();
  mkdirSync(join(gpus.folder, 'nvidia-smi'), { recursive: true });
  expect(findGpuTool(`${gpus.folder}:.:`)).toBeNull();
  expect(findGpuTool(undefined)).toBeNull();
});
