/**
 * What backends say when a GPU had no memory left for them: torch and CUDA, HIP, llama.cpp (CUDA, HIP, Vulkan), vLLM when
 * it looks at what is free before it loads, and when nothing is left for its cache.
 */
const patterns: readonly RegExp[] = [
  /\b(cuda|hip|gpu|device|vram)\b.*\bout of memory\b/i,
  /\bout of memory\b.*\b(cuda|hip|gpu|device|vram)\b/i,
  /\b(cuda|hip)Malloc\w* failed: out of memory/i,
  /\bCUDA_ERROR_OUT_OF_MEMORY\b|\b(cuda|hip)ErrorOutOfMemory\b|OutOfDeviceMemory\b|\bOutOfMemoryError\b/i,
  /\bFree memory on device\b.*\bis less than desired GPU memory utilization\b/i,
  /\bNo available memory for the cache blocks\b/i,
];

/** The last of these lines by which a GPU's memory was not enough; null: none says so. Pure. */
export function gpuMemoryLine(lines: readonly string[]): string | null {
  return lines.findLast((line) => patterns.some((pattern) => pattern.test(line))) ?? null;
}
