import type { HookStep, RungCheck, RungSettings } from '../../src/config/rung-settings.ts';

/** A step that posts. */
export function post(path: string, more: { body?: string; statuses?: number[]; timeoutMs?: number } = {}) {
  return { kind: 'http', path, body: null, statuses: [], timeoutMs: 5_000, ...more } as const;
}

/** A step that runs a script (text, CommonJS) with this Node; further words are its arguments. */
export function run(script: string, { words = [] as string[], timeoutMs = 5_000 } = {}) {
  return { kind: 'command', command: [process.execPath, '-e', script, ...words], timeoutMs } as const;
}

/** A rung named by what is asked to take it. */
export function rung(
  sleep: readonly HookStep[],
  wake: readonly HookStep[],
  check: RungCheck | null = null,
): RungSettings {
  return { name: 'rung', afterMs: null, cost: 0.5, sleep, wake, check };
}

/** Asks whether it sleeps as vLLM tells it. */
export const isSleeping: RungCheck = {
  ask: { kind: 'http', path: '/is_sleeping' },
  asleep: '"is_sleeping":true',
  timeoutMs: 1_000,
};
