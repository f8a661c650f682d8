import type { GpuProcess, GpuReading, GpuTool } from './gpu-reading.ts';
import { runTool } from './run-tool.ts';

const mebibyte = 1024 ** 2;
const format = '--format=csv,noheader,nounits';

/** The GPUs of NVIDIA's driver, by its tool at this path. */
export function nvidiaSmi(file: string): GpuTool {
  return {
    async read(signal) {
      const cards = await runTool(file, ['--query-gpu=index,uuid,memory.total,memory.used', format], signal);
      // Without the list of processes (a container, a driver that knows none) the sums are still true.
      const processes = await runTool(
        file,
        ['--query-compute-apps=pid,gpu_uuid,used_memory', format],
        signal,
      ).catch(() => '');
      signal.throwIfAborted();
      return parseNvidia(cards, processes, file);
    },
  };
}

/** Pure. `cards` and `processes` are lines of comma-separated fields. Throws where no line of `cards` can be read. */
function parseNvidia(cards: string, processes: string, tool: string): readonly GpuReading[] {
  const held = linesOf(processes).flatMap(processOf);
  const read = linesOf(cards).flatMap(([index = '', uuid = '', total, used]) => {
    const totalBytes = bytesOf(total);
    const usedBytes = bytesOf(used);
    // [N/A] where memory is shared with the host, [Unknown Error] where the card has fallen off the bus.
    if (!/^\d+$/.test(index) || totalBytes === null || usedBytes === null) return [];
    const mine = held.filter((one) => one.uuid === uuid).map(({ pid, bytes }) => ({ pid, bytes }));
    return [{ index, uuid: uuid.startsWith('GPU-') ? uuid : null, totalBytes, usedBytes, processes: mine }];
  });
  if (read.length > 0) return read;
  throw new Error(`${tool}: tells the memory of no GPU: ${firstLine(cards)}`);
}

function processOf([pid = '', uuid = '', used]: readonly string[]): (GpuProcess & { uuid: string })[] {
  return /^\d+$/.test(pid) ? [{ pid: Number(pid), uuid, bytes: bytesOf(used) }] : [];
}

function linesOf(text: string): string[][] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line) => line.split(',').map((field) => field.trim()));
}

/** null for `[N/A]`, `[Not Supported]` and the like. */
function bytesOf(field: string | undefined): number | null {
  return field !== undefined && /^\d+$/.test(field) ? Number(field) * mebibyte : null;
}

function firstLine(text: string): string {
  const line = text.split('\n').find((one) => one.trim() !== '');
  return line === undefined ? 'it says nothing' : JSON.stringify(line.trim().slice(0, 200));
}
