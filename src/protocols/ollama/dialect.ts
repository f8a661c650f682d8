import type { SurfaceDialect } from '../../core/surface.ts';

/** Ollama's errors: `{"error": TEXT}`, in a stream as one more line. */
export const ollamaDialect: SurfaceDialect = {
  name: 'ollama',
  renderError: (error) => JSON.stringify({ error: error.message }),
  renderStreamError: (error) => `${JSON.stringify({ error: error.message })}\n`,
  // Its lines are JSON: there is no comment that its clients would drop.
  renderHeartbeat: () => '',
};
