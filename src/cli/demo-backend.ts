import { parseDemoArgs } from '../demo-backend/options.ts';
import { startDemoBackend } from '../demo-backend/server.ts';

/** `pilotlight demo-backend`: runs until SIGTERM or SIGINT. */
export async function demoBackend(args: readonly string[]): Promise<void> {
  const backend = await startDemoBackend(parseDemoArgs(args));
  process.stdout.write(`simulated backend on port ${backend.port}\n`);
  const end = () => void backend.close();
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
}
