import type { GpuReading, GpuTool } from './gpu-reading.ts';
import { runTool } from './run-tool.ts';

/** The GPUs of AMD's driver, by its tool at this path. It does not say who holds the memory. */
export function rocmSmi(file: string): GpuTool {
  return {
    async read(signal) {
      return parseRocm(await runTool(file, ['--showmeminfo', 'vram', '--json'], signal), file);
    },
  };
}

const totalKey = 'VRAM Total Memory (B)';
const usedKey = 'VRAM Total Used Memory (B)';

/** Pure. Throws where no card can be read. */
function parseRocm(text: string, tool: string): readonly GpuReading[] {
  const read = Object.entries(objectIn(text)).flatMap(([name, card]) => {
    const index = /^card(\d+)$/.exec(name)?.[1];
    const fields = (typeof card === 'object' && card !== null ? card : {}) as Record<string, unknown>;
    const totalBytes = bytesOf(fields[totalKey]);
    const usedBytes = bytesOf(fields[usedKey]);
    if (index === undefined || totalBytes === null || usedBytes === null) return [];
    return [{ index, uuid: null, totalBytes, usedBytes, processes: [] }];
  });
  if (read.length > 0) return read;
  throw new Error(`${tool}: tells the memory of no GPU: ${JSON.stringify(text.trim().slice(0, 200))}`);
}

/** Warnings may stand before the object. */
function objectIn(text: string): object {
  try {
    const parsed: unknown = JSON.parse(text.slice(Math.max(0, text.indexOf('{'))));
    return typeof parsed === 'object' && parsed !== null ? parsed : {};
  } catch {
    return {};
  }
}

function bytesOf(value: unknown): number | null {
  return /^\d+$/.test(String(value)) ? Number(value) : null;
}
