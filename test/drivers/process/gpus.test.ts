import { afterEach, describe, expect, it } from 'vitest';
import type { ProcessBackend } from '../../../src/config/settings.ts';
import { systemClock } from '../../../src/core/clock.ts';
import type { Driver } from '../../../src/core/driver.ts';
import type { Place } from '../../../src/core/room.ts';
import { gpuMemoryLine } from '../../../src/drivers/process/gpu-memory-lines.ts';
import { createProcessDriver } from '../../../src/drivers/process/process-driver.ts';
import { StatusLog } from '../../conformance/status-log.ts';
import { scriptTarget, untilLine } from './children.ts';

const signal = new AbortController().signal;
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Says what it was started with. */
const saying = `
  const { CUDA_VISIBLE_DEVICES, HIP_VISIBLE_DEVICES, CUDA_DEVICE_ORDER, LIST } = process.env;
  console.log(JSON.stringify([process.argv[3], CUDA_VISIBLE_DEVICES, HIP_VISIBLE_DEVICES, CUDA_DEVICE_ORDER, LIST]));
  setInterval(() => {}, 1000);
`;

async function started(
  placeOf: (targetId: string, replicaId: string) => Place | null,
  backend: Partial<ProcessBackend> = {},
  replicas = 1,
) {
  const driver = createProcessDriver({ clock: systemClock, ownerHash: 'gpus', placeOf });
  const target = scriptTarget(saying, backend);
  const log = new StatusLog(driver as Driver, target);
  closers.push(
    () => log.stop(),
    () => driver.close(),
  );
  await driver.scale(target, { replicas }, signal);
  const all = await log.settled(replicas);
  const said = all.map(async (replica) => {
    const [line] = await untilLine(() => replica.output!, /^\[.*\]$/);
    return JSON.parse(line) as (string | null)[];
  });
  return { all, said: await Promise.all(said) };
}

const command = (...more: string[]) => ({
  command: [process.execPath, '-e', saying, '{port}', '{model}', ...more],
});

describe('the place of a process', () => {
  it('is filled in for {gpus}, and then no variable is set', async () => {
    const backend = { ...command('--gpus={gpus}'), env: { LIST: 'all of {gpus}' } };
    const { said } = await started(() => ({ gpus: ['0', '2'] }), backend);
    expect(said).toEqual([['--gpus=0,2', null, null, null, 'all of 0,2']]);
  });

  it('is told by the variables of CUDA and HIP where nothing names {gpus}', async () => {
    const { said } = await started(() => ({ gpus: ['GPU-8f1c', '3'] }), command('-'));
    expect(said[0]!.slice(1, 4)).toEqual(['GPU-8f1c,3', 'GPU-8f1c,3', 'PCI_BUS_ID']);
  });

  it('hides all GPUs where it has none', async () => {
    const { said } = await started(() => ({ gpus: [] }), command('-'));
    expect(said[0]!.slice(1, 3)).toEqual(['', '']);
  });

  it('changes nothing for one without a place', async () => {
    const { said } = await started(() => null, command('-'));
    expect(said[0]!.slice(1, 4)).toEqual([null, null, null]);
  });

  it('gives way to what the environment of the backend says', async () => {
    const backend = { ...command('-'), env: { CUDA_VISIBLE_DEVICES: '7' } };
    const { said } = await started(() => ({ gpus: ['1'] }), backend);
    expect(said[0]!.slice(1, 3)).toEqual(['7', '1']);
  });

  it('is asked for by the id of each replica, once', async () => {
    const asked: string[] = [];
    const { all, said } = await started(
      (targetId, replicaId) => {
        asked.push(`${targetId} ${replicaId}`);
        return { gpus: [String(asked.length)] };
      },
      command('-'),
      2,
    );
    expect(asked.toSorted()).toEqual(all.map(({ id }) => `llama/default ${id}`).toSorted());
    expect(said.map(([, list]) => list).toSorted()).toEqual(['1', '2']);
  });

  it('that there is not fails the start with the reason', async () => {
    const driver = createProcessDriver({
      clock: systemClock,
      ownerHash: 'gpus',
      placeOf: () => {
        throw new Error('it was granted no room');
      },
    });
    const log = new StatusLog(driver as Driver, scriptTarget(saying));
    closers.push(
      () => log.stop(),
      () => driver.close(),
    );
    await driver.scale(scriptTarget(saying), { replicas: 1 }, signal);
    expect((await log.exit()).reason).toMatch(/: it was granted no room$/);
  });
});

const outOfMemory = [
  'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 23.69 GiB',
  'torch.cuda.OutOfMemoryError: HIP out of memory. Tried to allocate 2.00 GiB',
  'ggml_backend_cuda_buffer_type_alloc_buffer: allocating 8192.00 MiB on device 0: cudaMalloc failed: out of memory',
  'ggml_backend_cuda_buffer_type_alloc_buffer: allocating 8192.00 MiB on device 0: hipMalloc failed: out of memory',
  'CUDA error: out of memory',
  'ggml_vulkan: Device memory allocation of size 1024 failed. vk::Device::allocateMemory: ErrorOutOfDeviceMemory',
  'RuntimeError: CUDA driver error: CUDA_ERROR_OUT_OF_MEMORY',
  'ValueError: Free memory on device (0.49/79.32 GiB) on startup is less than desired GPU memory utilization (0.6, 47.59 GiB).',
  'ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization`',
];

describe('a process that exits for want of memory on a GPU', () => {
  it.each(outOfMemory)('is known by %j', (line) => {
    expect(gpuMemoryLine(['loading', line, 'Traceback (most recent call last):'])).toBe(line);
  });

  it.each(['loaded in 3 s', 'out of memory budget: none', 'device 0 has memory', 'Killed'])(
    'is not known by %j',
    (line) => expect(gpuMemoryLine([line])).toBeNull(),
  );

  it('is told as such, by the line that says so and not by the last one', async () => {
    const script = `console.log('CUDA error: out of memory'); console.log('aborting'); process.exit(1)`;
    const driver = createProcessDriver({ clock: systemClock, ownerHash: 'gpus' });
    const log = new StatusLog(driver as Driver, scriptTarget(script));
    closers.push(
      () => log.stop(),
      () => driver.close(),
    );
    await driver.scale(scriptTarget(script), { replicas: 1 }, signal);
    expect(await log.exit()).toMatchObject({
      fault: 'gpu_memory',
      reason: 'exited with code 1: CUDA error: out of memory',
    });
  });
});
