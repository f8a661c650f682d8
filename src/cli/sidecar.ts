import { LogWriter, standardOutput } from '../meter/log-writer.ts';
import { EnvironmentError } from '../sidecar/environment/environment.ts';
import { openedPorts } from '../sidecar/environment/port-clashes.ts';
import { readSettings } from '../sidecar/environment/read-settings.ts';
import type { SidecarSettings } from '../sidecar/settings.ts';
import { createSidecarLog, type SidecarLog } from '../sidecar/sidecar-log.ts';
import { type Sidecar, startSidecar } from '../sidecar.ts';
import { readVersion } from './version.ts';

/**
 * `pilotlight sidecar`: runs until SIGTERM or SIGINT, then ends in order; a second signal ends it at once. Rejects in words
 * for the log of the container when it cannot start.
 */
export async function sidecar(): Promise<void> {
  const settings = readSettings(process.env);
  const log = createSidecarLog(settings, new LogWriter(standardOutput));
  const signalled = untilSignal();
  const running = await start(settings, log);
  tell(settings, running, log);
  await signalled;
  await running.shutDown();
  log.flush(() => process.exit(0));
}

async function start(settings: SidecarSettings, log: SidecarLog): Promise<Sidecar> {
  const version = await readVersion();
  try {
    return await startSidecar({ settings, log, version, environment: process.env });
  } catch (error) {
    if (error instanceof Error && error.name === 'TemplateFault') {
      const value = settings.requestLog?.template ?? '';
      const expected = `a requestLogTemplate that Go's text/template takes (${error.message})`;
      throw new EnvironmentError([{ name: 'OBSERVABILITY_CONFIG', value, expected }]);
    }
    const { listenFault } = await import('./listen-fault.ts');
    const places = openedPorts(settings).map(({ variable, host, port }) => {
      return { key: variable, address: { host: host || '0.0.0.0', port } };
    });
    throw listenFault(error, places);
  }
}

/** The first line: what is served, and what is on. */
function tell(settings: SidecarSettings, running: Sidecar, log: SidecarLog): void {
  const { mode, user, concurrency, queueMax, timeouts, warnings } = settings;
  const ports = Object.fromEntries(
    (['serving', 'tls', 'admin', 'stats', 'metrics'] as const)
      .map((name) => [name, running.portOf(name)] as const)
      .filter(([, port]) => port !== undefined),
  );
  const app = `${user.host}:${user.port}`;
  log.info({ mode, app, ports, concurrency, queueMax, timeouts, features: featuresOf(settings) }, 'serving');
  for (const warning of warnings) log.warn({ warning }, 'a setting has no effect');
}

/** What is on for models and observed, by name. */
function featuresOf({ model, requestLog, tracing }: SidecarSettings): readonly string[] {
  const isOnByName = {
    heartbeat: model.heartbeatMs > 0,
    'openai-errors': model.openaiErrors,
    priorities: model.priorities,
    deadlines: model.deadlines,
    'queue-timeout': model.queueTimeoutMs > 0,
    loading: model.loading !== null,
    metrics: model.metrics,
    adaptive: model.adaptive !== null,
    sleep: model.sleep !== null,
    'request-log': requestLog !== null,
    tracing: tracing.protocol !== 'none',
  };
  return Object.entries(isOnByName)
    .filter(([, isOn]) => isOn)
    .map(([name]) => name);
}

/** The first of SIGTERM and SIGINT; the next one ends the process. */
function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    let isSecond = false;
    const onSignal = (signal: NodeJS.Signals) => {
      if (isSecond) process.exit(signal === 'SIGINT' ? 130 : 143);
      isSecond = true;
      resolve();
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}
