import OpenAI from 'openai';
import { parseDemoArgs } from '../../src/demo-backend/options.ts';
import { startDemoBackend } from '../../src/demo-backend/server.ts';
import { freePorts, SidecarProgram } from '../sidecar-unit/program.ts';

/** A sidecar as a process of its own before a simulated app. */
export interface SidecarRig {
  readonly url: string;
  readonly metricsUrl: string;
  readonly program: SidecarProgram;
  /** OpenAI's own, through the sidecar; it does not retry. */
  readonly client: OpenAI;
  closeApp(): Promise<void>;
  close(): Promise<void>;
}

/** `variables`: what the sidecar is told beyond the app's port; `app`: flags of the demo backend. */
export async function startRig(
  variables: Readonly<Record<string, string>>,
  app: readonly string[] = [],
): Promise<SidecarRig> {
  const quick = ['--load-time', '0ms', '--first-token', '5ms', '--tokens-per-second', '500'];
  const backend = await startDemoBackend(parseDemoArgs(['--port', '0', ...quick, ...app]));
  const program = new SidecarProgram({
    ...freePorts,
    USER_PORT: String(backend.port),
    CONTAINER_CONCURRENCY: '1',
    PILOTLIGHT_DRAIN_QUIET: '0',
    ...variables,
  });
  const ports = await program.ports();
  const url = `http://127.0.0.1:${ports.serving}`;
  let isAppOpen = true;
  const closeApp = async () => {
    if (isAppOpen) await backend.close();
    isAppOpen = false;
  };
  return {
    url,
    metricsUrl: `http://127.0.0.1:${ports.metrics}/metrics`,
    program,
    client: new OpenAI({ baseURL: `${url}/v1`, apiKey: 'unused', maxRetries: 0 }),
    closeApp,
    async close() {
      program.kill('SIGKILL');
      await program.ended;
      await closeApp();
    },
  };
}
