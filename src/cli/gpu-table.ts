import { formatSize } from '../config/quantities.ts';

/** What of a GPU in /api/gpus the table shows. */
export interface GpuRow {
  readonly id: string;
  readonly memoryBytes: number;
  readonly othersBytes: number;
  readonly holders: readonly { readonly model: string; readonly state: string; readonly bytes: number }[];
}

const mebibyte = 1024 ** 2;

/** A line for each GPU that models share, after an empty one; nothing where they share none. Pure. */
export function gpuTable(gpus: readonly GpuRow[]): string {
  if (gpus.length === 0) return '';
  const lines = gpus.map(({ id, memoryBytes, othersBytes, holders }) => {
    // One of a cluster only counts.
    const isWhole = memoryBytes < mebibyte;
    const size = (bytes: number) => (isWhole ? '' : ` ${formatSize(Math.ceil(bytes / mebibyte) * mebibyte)}`);
    const held = holders.map(({ model, state, bytes }) => `${model}${size(bytes)} ${state}`);
    if (othersBytes > 0) held.push(`others${size(othersBytes)}`);
    return `GPU ${id}${isWhole ? '' : ` of${size(memoryBytes)}`}: ${held.length === 0 ? 'free' : held.join(', ')}\n`;
  });
  return `\n${lines.join('')}`;
}
