import type { GpuTool } from './gpu-reading.ts';
import { nvidiaSmi } from './nvidia-smi.ts';
import { rocmSmi } from './rocm-smi.ts';
import { findTool } from './run-tool.ts';

/** The tool of the GPU driver on this machine, found on `path` (as of PATH); null: there is none, and nobody is asked. */
export function findGpuTool(path: string | undefined): GpuTool | null {
  const nvidia = findTool('nvidia-smi', path);
  if (nvidia !== null) return nvidiaSmi(nvidia);
  const amd = findTool('rocm-smi', path);
  return amd === null ? null : rocmSmi(amd);
}
