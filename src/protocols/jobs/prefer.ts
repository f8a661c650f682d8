/** What a client prefers (RFC 7240), as far as it is understood here; what is not well-formed is passed over, as it must be. */
export interface Preferences {
  /** `respond-async`: an answer with a place to ask is welcome. */
  readonly isAsync: boolean;
  /** `wait=SECONDS`: how long the answer itself may take, in ms; null: not said. */
  readonly waitMs: number | null;
}

/** Longer than that no request is held for a job: proxies and clients cut it. */
const longestWaitMs = 600_000;

/** Of a `Prefer` field, its repetitions joined by commas. The first of a name counts (RFC 7240, 2). */
export function preferencesOf(field: string | readonly string[] | undefined): Preferences {
  let isAsync = false;
  let waitMs: number | null = null;
  for (const preference of String(field ?? '').split(',')) {
    const [, name = '', value] = /^\s*([\w-]+)\s*(?:=\s*"?([^";]*)"?)?\s*(?:;.*)?$/.exec(preference) ?? [];
    if (name.toLowerCase() === 'respond-async') isAsync = true;
    if (name.toLowerCase() === 'wait' && /^\d{1,9}$/.test(value ?? ''))
      waitMs ??= Math.min(longestWaitMs, Number(value) * 1000);
  }
  return { isAsync, waitMs };
}
