import type { RawLadder, RawRung, RawStep } from './ladder.ts';
import type { HookStep, RungCheck, RungSettings } from './rung-settings.ts';

const defaultTimeoutMs = 120_000;
/** Weights that are read from a disk or a network. */
const reloadTimeoutMs = 600_000;
const checkTimeoutMs = 5_000;

type Preset = NonNullable<RawRung['preset']>;
type Ways = Pick<RungSettings, 'sleep' | 'wake' | 'check'>;

/** The rungs as the code sees them, with the defaults that depend on the driver. */
export function ladderOf(raw: RawLadder, driver: 'process' | 'static' | 'kubernetes'): RungSettings[] {
  return raw.map((written) => {
    const rung = typeof written === 'string' ? { preset: written } : written;
    const { preset, name = preset ?? '', after: afterMs = null } = rung;
    const cost = rung.cost ?? costOf(preset, driver);
    const ways = preset === undefined ? waysOf(rung) : presetWays[preset](rung.timeout);
    return { name, afterMs, cost, ...ways };
  });
}

/** A pod that sleeps keeps its GPU, which is what it costs. */
function costOf(preset: Preset | undefined, driver: string): number {
  const isPod = driver === 'kubernetes';
  switch (preset) {
    case 'vllm-2':
      return isPod ? 0.8 : 0.1;
    case 'freeze':
      return 0.95;
    default:
      return isPod ? 0.9 : 0.2;
  }
}

function waysOf({ sleep, wake, check }: RawRung): Ways {
  return { sleep: stepsOf(sleep), wake: stepsOf(wake), check: check === undefined ? null : checkOf(check) };
}

function stepsOf(written: RawStep | readonly RawStep[] | undefined): HookStep[] {
  return written === undefined ? [] : [written].flat().map(stepOf);
}

function stepOf({ post, body, status = [], run, signal, timeout }: RawStep): HookStep {
  const timeoutMs = timeout ?? defaultTimeoutMs;
  if (post !== undefined)
    return { kind: 'http', path: post, body: body ?? null, statuses: status, timeoutMs };
  if (run !== undefined) return { kind: 'command', command: run, timeoutMs };
  return { kind: 'signal', signal: signal ?? 'stop' };
}

function checkOf({ get, run = [], asleep, timeout }: NonNullable<RawRung['check']>): RungCheck {
  const ask =
    get === undefined ? ({ kind: 'command', command: run } as const) : ({ kind: 'http', path: get } as const);
  return { ask, asleep: asleep.replaceAll(/\s/g, ''), timeoutMs: timeout };
}

function post(path: string, timeoutMs: number, body: string | null = null): HookStep {
  return { kind: 'http', path, body, statuses: [], timeoutMs };
}

/** vLLM says whether it sleeps, and not at which level. */
const vllmCheck: RungCheck = {
  ask: { kind: 'http', path: '/is_sleeping' },
  asleep: '"is_sleeping":true',
  timeoutMs: checkTimeoutMs,
};

/** As in vLLM's own guide to its sleep mode. */
const presetWays: Readonly<Record<Preset, (timeoutMs: number | undefined) => Ways>> = {
  'vllm-1': (timeoutMs = defaultTimeoutMs) => ({
    sleep: [post('/sleep?level=1', timeoutMs)],
    wake: [post('/wake_up', timeoutMs)],
    check: vllmCheck,
  }),
  'vllm-2': (timeoutMs = reloadTimeoutMs) => ({
    sleep: [post('/sleep?level=2', timeoutMs)],
    wake: [
      post('/wake_up?tags=weights', timeoutMs),
      post('/collective_rpc', timeoutMs, '{"method":"reload_weights"}'),
      post('/wake_up?tags=kv_cache', timeoutMs),
    ],
    check: vllmCheck,
  }),
  freeze: () => ({
    sleep: [{ kind: 'signal', signal: 'stop' }],
    wake: [{ kind: 'signal', signal: 'continue' }],
    check: null,
  }),
};
