import { parseDemoArgs } from '../demo-backend/options.ts';
import { startDemoBackend } from '../demo-backend/server.ts';
import { UsageError } from './flags.ts';

/** `pilotlight demo-backend`: runs until SIGTERM or SIGINT. Rejects with UsageError for a wrong flag. */
export async function demoBackend(args: readonly string[]): Promise<void> {
  const options = readOptions(args);
  const backend = await startDemoBackend(options).catch(async (error: unknown) => {
    const { listenFault } = await import('./listen-fault.ts');
    throw listenFault(error, [{ key: '--host and --port', address: options }]);
  });
  process.stdout.write(`simulated backend on http://${options.host}:${backend.port}\n`);
  const end = () => void backend.close();
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
}

function readOptions(args: readonly string[]) {
  try {
    return parseDemoArgs(args);
  } catch (error) {
    throw new UsageError(`demo-backend: ${error instanceof Error ? error.message : String(error)}`);
  }
}
