import { fileURLToPath } from 'node:url';
import { type App, startApp } from '../app.ts';
import { ConfigError, loadConfig } from '../config/load.ts';
import type { ModelSettings, Settings } from '../config/settings.ts';
import { warningsOf } from '../config/warnings.ts';
import { watchConfig } from '../config/watch.ts';
import { createLog, type Log } from '../meter/log.ts';

/** `pilotlight serve`: runs until SIGTERM or SIGINT, then drains; a second signal ends it at once. */
export async function serve(file: string): Promise<void> {
  const settings = await loadConfig(file, process.env);
  const log = createLog(settings.log.level);
  const main = fileURLToPath(
    new URL(import.meta.url.endsWith('.ts') ? '../main.ts' : '../main.js', import.meta.url),
  );
  const app = await startApp({ settings, configFile: file, log, ownCommand: [process.execPath, main] });
  process.stderr.write(greeting(settings, app));
  for (const warning of warningsOf(settings)) process.stderr.write(`warning: ${warning}\n`);
  let reloading = Promise.resolve();
  // One after the other: of two quick changes the later one must win.
  const watcher = watchConfig(file, () => {
    reloading = reloading.then(() => reload(file, app, log));
  });
  await untilSignal();
  watcher.close();
  process.stderr.write(
    `shutting down: waiting up to ${settings.server.drainMs / 1000} s for running requests\n`,
  );
  process.once('SIGTERM', endAtOnce);
  process.once('SIGINT', endAtOnce);
  await app.close();
  log.flush(() => process.exit(0));
}

/** The child processes are ended by the next start. */
function endAtOnce(): void {
  process.stderr.write('second signal: ending at once\n');
  process.exit(130);
}

function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
}

async function reload(file: string, app: App, log: Log): Promise<void> {
  try {
    app.reload(await loadConfig(file, process.env));
    log.info('configuration reloaded');
  } catch (error) {
    const fault = error instanceof ConfigError ? error.message : String(error);
    app.refuseReload(fault);
    log.error({ fault }, 'configuration refused: the old one stays');
  }
}

function greeting(settings: Settings, { address, adminAddress }: App): string {
  const scheme = settings.server.tls === null ? 'http' : 'https';
  const url = `${scheme}://${address.host}:${address.port}`;
  const models = [...settings.models.values()];
  const named = models.find(({ match }) => match === null);
  const lines = [
    `Pilotlight listens on ${url} (OpenAI: ${url}/v1), admin on http://${adminAddress.host}:${adminAddress.port}`,
    'Models:',
    ...models.map(describe),
  ];
  if (named !== undefined)
    lines.push('Try:', `  ${tryCommand(url, named.name, settings.auth.keys.length > 0)}`);
  return `${lines.join('\n')}\n`;
}

function describe({ name, aliases, revision }: ModelSettings): string {
  const { backend, concurrency, scale } = revision;
  const what = backend.driver === 'process' ? backend.command.join(' ') : backend.urls.join(', ');
  const also = aliases.length > 0 ? ` (also ${aliases.join(', ')})` : '';
  const limit = concurrency === 0 ? 'no limit' : `${concurrency} at once`;
  const idle = scale.idleMs === 0 ? 'stays up' : `to zero after ${scale.idleMs / 1000} s idle`;
  return `  ${name}${also}: ${backend.driver}, ${limit}, ${idle}: ${what}`;
}

function tryCommand(url: string, model: string, needsKey: boolean): string {
  const key = needsKey ? " -H 'authorization: Bearer KEY'" : '';
  const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }] });
  return `curl ${url}/v1/chat/completions${key} -H 'content-type: application/json' -d '${body}'`;
}
