import { Cron } from 'croner';
import type { ScheduleSettings } from '../core/scaling.ts';

/** What the windows of a moment ask for. */
export interface ScheduledLimits {
  readonly min: number;
  readonly max: number;
  /** The windows that hold now, for people: `0 8 * * 1-5 Europe/Berlin`; null: none does. */
  readonly reason: string | null;
  /** Milliseconds since the epoch of the next begin or end of a window; null: there is none. */
  readonly changesAtMs: number | null;
}

interface Window {
  readonly settings: ScheduleSettings;
  readonly cron: Cron;
}

/**
 * Limits by the clock on the wall. Where several windows hold, the largest min and the smallest max of them count, and min
 * goes before max. Throws TypeError or RangeError for a pattern or a zone that croner does not read.
 */
export class Schedules {
  readonly #windows: readonly Window[];

  constructor(schedules: readonly ScheduleSettings[]) {
    this.#windows = schedules.map((settings) => ({
      settings,
      // Paused: it is asked, it never runs anything.
      cron: new Cron(settings.cron, { timezone: settings.timeZone, paused: true }),
    }));
  }

  /** The limits at a moment, where `outside` holds else. */
  at(wallMs: number, outside: { readonly min: number; readonly max: number }): ScheduledLimits {
    const open = this.#windows.filter((window) => endOf(window, wallMs) !== null);
    const mins = open.map(({ settings }) => settings.min).filter((min) => min !== null);
    const maxes = open.map(({ settings }) => settings.max).filter((max) => max !== null);
    const min = mins.length > 0 ? Math.max(...mins) : outside.min;
    const max = maxes.length > 0 ? Math.min(...maxes) : outside.max;
    const changes = this.#windows.map((window) => changeOf(window, wallMs)).filter((atMs) => atMs !== null);
    return {
      min,
      max: Math.max(min, max),
      reason: open.length === 0 ? null : open.map(({ settings }) => nameOf(settings)).join(', '),
      changesAtMs: changes.length > 0 ? Math.min(...changes) : null,
    };
  }
}

function nameOf({ cron, timeZone }: ScheduleSettings): string {
  return `${cron} ${timeZone}`;
}

/** When the window that holds at this moment ends; null: it does not hold. */
function endOf({ cron, settings }: Window, wallMs: number): number | null {
  // It answers with whole seconds strictly before the reference, and what begins at this very moment counts.
  const begun = cron.previousRuns(2, new Date(wallMs + 1_000)).find((date) => date.getTime() <= wallMs);
  if (begun === undefined) return null;
  const endMs = begun.getTime() + settings.forMs;
  return endMs > wallMs ? endMs : null;
}

function changeOf(window: Window, wallMs: number): number | null {
  const next = window.cron.nextRun(new Date(wallMs))?.getTime() ?? null;
  const endMs = endOf(window, wallMs);
  if (endMs === null || next === null) return endMs ?? next;
  return Math.min(endMs, next);
}
