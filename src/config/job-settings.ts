import type { SurfaceName, SurfaceOptions } from '../core/surface.ts';
import type { RawJobs } from './jobs.ts';
import type { Address } from './settings.ts';
import type { RawSurfaces } from './surfaces.ts';

/** A platform's API that is served. */
export interface SurfaceSettings extends Pick<SurfaceOptions, 'limits'> {
  readonly name: SurfaceName;
  /** Before every path; empty or `/a/b`. */
  readonly prefix: string;
  /** null: the request port. */
  readonly listen: Address | null;
}

/** What holds for jobs that do not say otherwise. Milliseconds; 0 where it says "0 = ". */
export interface JobSettings {
  /** 0 = never. */
  readonly beginWithinMs: number;
  /** 0 = never. */
  readonly endWithinMs: number;
  /** 0 = as the model's timeouts. */
  readonly runForMs: number;
  readonly attempts: number;
  readonly keepMs: number;
  readonly maxQueued: number;
  readonly maxOutputBytes: number;
  readonly inlineBytes: number;
  readonly leaseMs: number;
  readonly webhooks: {
    /** Addresses and networks (CIDR) allowed although they are not public. */
    readonly allow: readonly string[];
    readonly allowHttp: boolean;
    readonly timeoutMs: number;
    readonly giveUpAfterMs: number;
  };
}

/** The surfaces that are switched on, in their written order. */
export function surfacesOf(raw: RawSurfaces): readonly SurfaceSettings[] {
  return Object.entries(raw).map(([name, { prefix, listen = null, limits }]) => ({
    name: name as SurfaceName,
    prefix,
    listen,
    limits,
  }));
}

export function jobsOf(raw: RawJobs): JobSettings {
  const { webhooks } = raw;
  return {
    beginWithinMs: raw.beginWithin,
    endWithinMs: raw.endWithin,
    runForMs: raw.runFor,
    attempts: raw.attempts,
    keepMs: raw.keep,
    maxQueued: raw.maxQueued,
    maxOutputBytes: raw.maxOutput,
    inlineBytes: raw.inline,
    leaseMs: raw.lease,
    webhooks: {
      allow: webhooks.allow,
      allowHttp: webhooks.allowHttp,
      timeoutMs: webhooks.timeout,
      giveUpAfterMs: webhooks.giveUpAfter,
    },
  };
}
