import type { Gate } from '../admission/gate.ts';
import type { Clock } from '../core/clock.ts';
import { type AppGateHooks, appReplica, createAppGate } from './app-gate.ts';
import type { AppGauges } from './model/app-gauges.ts';
import type { AppSleep, SleepEvent } from './model/sleep/app-sleep.ts';
import { Readiness } from './readiness/readiness.ts';
import type { SidecarSettings } from './settings.ts';
import type { SidecarLog } from './sidecar-log.ts';

/** What the app is looked at with. */
export interface AppOptions {
  readonly settings: SidecarSettings;
  readonly log: SidecarLog;
  readonly clock: Clock;
}

/** The app as the sidecar sees it. */
export interface App {
  /** Before it; the app is its only replica. */
  readonly gate: Gate;
  readonly readiness: Readiness;
  /** What who waits waits for, as comments have it. */
  readonly phase: 'waiting' | 'waking';
  /** What of it is measured. */
  readonly gauges: AppGauges;
  /** No more probes, hooks and readings; resolves when what was under way has ended. */
  close(): Promise<void>;
}

/** Puts the gate before the app, and what looks after it: its probes, and where they are on its sleep and its gauges. */
export async function openApp(options: AppOptions): Promise<App> {
  const { settings, log, clock } = options;
  const sleep = await createSleep(options, () => readiness.isReady());
  const readiness = new Readiness({
    clock,
    ...{ probes: settings.probes, detectsHttp2: settings.detectsHttp2, user: settings.user },
    loading: settings.model.loading,
    standing: () => sleep?.standing ?? 'awake',
    onState: (state, detail) => log.info({ state, detail }, 'the app was probed'),
  });
  const hooks: Partial<AppGateHooks> = sleep?.gateHooks ?? {};
  const gate = createAppGate(settings, clock, hooks);
  const adaptive = await createAdaptive(options, gate, () => sleep === null || sleep.state === 'awake');
  sleep?.start(gate);
  return {
    gate,
    readiness,
    gauges: {
      ...(settings.model.loading === null ? {} : { isLoading: () => readiness.state === 'loading' }),
      ...(sleep === null ? {} : { isAsleep: () => sleep.state !== 'awake' }),
      ...(adaptive === null ? {} : { limit: () => adaptive.limit }),
    },
    get phase() {
      return sleep === null || sleep.state === 'awake' ? 'waiting' : 'waking';
    },
    async close() {
      readiness.close();
      await Promise.all([adaptive?.close(), sleep?.close()]);
    },
  };
}

async function createSleep(
  { settings, log, clock }: AppOptions,
  isReady: () => Promise<boolean>,
): Promise<AppSleep | null> {
  const { sleep } = settings.model;
  if (sleep === null) return null;
  const [{ AppSleep: Sleep }, { createAppHooks }] = await Promise.all([
    import('./model/sleep/app-sleep.ts'),
    import('./model/sleep/app-hooks.ts'),
  ]);
  const hooks = createAppHooks(sleep, settings.user, clock);
  const onEvent = (event: SleepEvent) => tellSleep(event, log);
  return new Sleep({ idleMs: sleep.idleMs, hooks, replica: appReplica, isReady, onEvent, clock });
}

function tellSleep({ kind, ...facts }: SleepEvent, log: SidecarLog): void {
  if (kind === 'slept') log.info(facts, 'the app was sent to sleep');
  else if (kind === 'woke') log.info(facts, 'the app was woken');
  else log.warn(facts, kind === 'sleep failed' ? 'the app does not sleep' : 'the app does not wake up');
}

async function createAdaptive({ settings, log, clock }: AppOptions, gate: Gate, isAwake: () => boolean) {
  const { adaptive } = settings.model;
  if (adaptive === null) return null;
  const { AdaptiveLimit } = await import('./model/gauges/adaptive-limit.ts');
  return new AdaptiveLimit({
    ...{ adaptive, gate, clock, isAwake },
    user: settings.user,
    concurrency: settings.concurrency,
    replica: appReplica,
    onLimit: (limit) => log.info({ limit }, 'the limit follows the app'),
    onReadable(isReadable) {
      if (isReadable) log.info({}, "the app's gauges can be read again");
      else log.warn({ path: adaptive.path }, "the app's gauges cannot be read: the configured limit holds");
    },
  });
}
