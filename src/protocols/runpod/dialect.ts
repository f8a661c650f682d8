import type { SurfaceDialect } from '../../core/surface.ts';
import { sseEvent } from '../surface-json.ts';

/** RunPod's errors: `{"error": TEXT}` under the status of the error. */
export const runpodDialect: SurfaceDialect = {
  name: 'runpod',
  renderError: (error) => JSON.stringify({ error: error.message }),
  renderStreamError: (error) => sseEvent({ data: JSON.stringify({ error: error.message }) }),
  renderHeartbeat: () => ':\n\n',
};
