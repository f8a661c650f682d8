import type { Surface, SurfaceName } from '../core/surface.ts';

/** Where each surface is found. Loaded only where it is switched on: most gateways serve none. */
const loaders: Readonly<Record<SurfaceName, () => Promise<Surface>>> = {
  jobs: async () => (await import('./jobs/surface.ts')).jobs,
  batch: async () => (await import('./batch/batch.ts')).batch,
  responses: async () => (await import('./responses/responses.ts')).responses,
  replicate: async () => (await import('./replicate/surface.ts')).replicate,
  runpod: async () => (await import('./runpod/surface.ts')).runpod,
  sagemaker: async () => (await import('./sagemaker/surface.ts')).sagemaker,
  vertex: async () => (await import('./vertex/surface.ts')).vertex,
  azure: async () => (await import('./azure/surface.ts')).azure,
  huggingface: async () => (await import('./huggingface/surface.ts')).huggingface,
  modal: async () => (await import('./modal/surface.ts')).modal,
  kserve: async () => (await import('./kserve/surface.ts')).kserve,
  ollama: async () => (await import('./ollama/surface.ts')).ollama,
  potassium: async () => (await import('./potassium/surface.ts')).potassium,
  octoai: async () => (await import('./octoai/surface.ts')).octoai,
};

/** The surface of a name of the configuration. */
export function loadSurface(name: SurfaceName): Promise<Surface> {
  return loaders[name]();
}
