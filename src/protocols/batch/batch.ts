import type { Surface } from '../../core/surface.ts';
import { openaiDialect } from '../dialects.ts';
import { batchRoutes } from './batches.ts';
import { fileRoutes } from './files.ts';

/** OpenAI's Files and Batch: a file of requests that are answered within a day. docs/protocols/batch.md says what differs. */
export const batch: Surface = {
  name: 'batch',
  dialect: openaiDialect,
  hasJobs: true,
  routes: (options) => [...fileRoutes(options), ...batchRoutes(options)],
};
