import { fileURLToPath } from 'node:url';
import { type App, startApp } from '../app.ts';
import { ConfigError, loadConfig } from '../config/load.ts';
import { formatDuration } from '../config/quantities.ts';
import { loadChanged } from '../config/reload.ts';
import type { Settings } from '../config/settings.ts';
import { warningsOf } from '../config/warnings.ts';
import { watchConfig } from '../config/watch.ts';
import { killOwned } from '../drivers/process/orphans.ts';
import { createLog, type Log } from '../meter/log.ts';
import { greeting } from './greeting.ts';
import { spoolFault } from './spool-fault.ts';
import { startFault } from './start-fault.ts';

/**
 * `pilotlight serve`: runs until SIGTERM or SIGINT, then drains; a second signal ends it and its backends at once.
 * Rejects in words for the terminal when it cannot start; then nothing is left running.
 */
export async function serve(file: string): Promise<void> {
  const settings = await loadConfig(file, process.env);
  const log = createLog(settings.log.level);
  // From here on: a signal during the start is obeyed after it, so that what was started is ended in order.
  const signalled = untilSignal();
  const app = await start(settings, file, log);
  process.stderr.write(greeting(settings, app));
  await warn(settings);
  let reloading = Promise.resolve();
  // One after the other: of two quick changes the later one must win.
  const watcher = watchConfig(file, () => {
    reloading = reloading.then(() => reload(app, () => loadChanged(file, process.env, settings), log));
  });
  await signalled;
  watcher.close();
  process.stderr.write(shuttingDown(settings.server.drainMs));
  await app.close();
  log.flush(() => process.exit(0));
}

async function start(settings: Settings, configFile: string, log: Log): Promise<App> {
  const name = import.meta.url.endsWith('.ts') ? '../main.ts' : '../main.js';
  const main = fileURLToPath(new URL(name, import.meta.url));
  try {
    return await startApp({ settings, configFile, log, ownCommand: [process.execPath, main] });
  } catch (error) {
    // Backends that are always up were started before the ports were opened.
    killOwned();
    throw startFault(error, settings);
  }
}

async function warn(settings: Settings): Promise<void> {
  const { spool } = settings.server;
  const spoolWarning = spool.maxBytes === 0 ? null : await spoolFault(spool.dir);
  const warnings = [...warningsOf(settings), ...(spoolWarning === null ? [] : [spoolWarning])];
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
}

function shuttingDown(drainMs: number): string {
  const within = drainMs === 0 ? '' : ` up to ${formatDuration(drainMs)}`;
  return `shutting down: waiting${within} for running requests; a second signal ends all at once\n`;
}

/** The first of SIGTERM and SIGINT; the next one ends the process, and kills its backends. */
function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    let isSecond = false;
    const onSignal = (signal: NodeJS.Signals) => {
      if (isSecond) endAtOnce(signal);
      isSecond = true;
      resolve();
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}

function endAtOnce(signal: NodeJS.Signals): never {
  process.stderr.write('second signal: ending at once\n');
  killOwned();
  process.exit(signal === 'SIGINT' ? 130 : 143);
}

async function reload(app: App, load: () => Promise<Settings>, log: Log): Promise<void> {
  try {
    app.reload(await load());
    log.info('configuration reloaded');
  } catch (error) {
    const fault = error instanceof ConfigError ? error.message : String(error);
    app.refuseReload(fault);
    log.error({ fault }, 'configuration refused: the old one stays');
  }
}
