import type { Pool } from 'undici';
import type { Clock } from '../core/clock.ts';
import { createTapPool } from './tap-client.ts';

/** A replica's connections and the path that goes before every request's own. */
export interface Upstream {
  readonly pool: Pool;
  readonly pathPrefix: string;
}

interface Entry extends Upstream {
  usedAtMs: number;
}

/** How connections to replicas are made. */
export interface UpstreamsOptions {
  readonly clock: Clock;
  /** Milliseconds; 0 = none. */
  readonly connectTimeoutMs: number;
  /** At most this many connections per replica, so that a pool keeps no second, hidden queue; 0 = no limit. */
  readonly connections: number;
  /**
   * Whether a replica's origin leads to any of several: a connection that is kept there would go on leading to one that is
   * to end, and past those that came later.
   */
  isShared(replicaId: string): boolean;
}

/** Idle connections are closed before the common servers do it (uvicorn: 5 s), since a reset on one is a lost request. */
const keepAliveTimeoutMs = 4_000;
const sweepMs = 30_000;
const unusedMs = 60_000;

/** The connection pools of one revision's replicas, by replica. */
export class Upstreams {
  readonly #options: UpstreamsOptions;
  readonly #entryById = new Map<string, Entry>();
  #cancelSweep: (() => void) | null = null;

  constructor(options: UpstreamsOptions) {
    this.#options = options;
  }

  /** The pool of a replica, made on first use. */
  get(replicaId: string, origin: string, nowMs: number): Upstream {
    const known = this.#entryById.get(replicaId);
    if (known !== undefined) {
      known.usedAtMs = nowMs;
      return known;
    }
    const url = new URL(origin);
    const { connections, connectTimeoutMs, isShared } = this.#options;
    const pool = createTapPool(url.origin, {
      connections: connections === 0 ? null : connections,
      connectTimeoutMs,
      keepAliveTimeoutMs,
      isPerRequest: isShared(replicaId),
    });
    const entry = { pool, pathPrefix: url.pathname.replace(/\/$/, ''), usedAtMs: nowMs };
    this.#entryById.set(replicaId, entry);
    this.#scheduleSweep();
    return entry;
  }

  /** How many are open, over all replicas. */
  get connections(): number {
    let sum = 0;
    for (const { pool } of this.#entryById.values()) sum += pool.stats.connected;
    return sum;
  }

  #scheduleSweep(): void {
    const { clock } = this.#options;
    this.#cancelSweep ??= clock.setTimer(clock.nowMs() + sweepMs, () => {
      this.#cancelSweep = null;
      this.#sweep(clock.nowMs());
    });
  }

  #sweep(nowMs: number): void {
    for (const [id, { pool, usedAtMs }] of this.#entryById) {
      const { running, pending, queued } = pool.stats;
      if (running + pending + queued > 0 || nowMs - usedAtMs < unusedMs) continue;
      this.#entryById.delete(id);
      void pool.close();
    }
    if (this.#entryById.size > 0) this.#scheduleSweep();
  }

  /** Cuts every connection. */
  async close(): Promise<void> {
    this.#cancelSweep?.();
    await Promise.all([...this.#entryById.values()].map(({ pool }) => pool.destroy()));
    this.#entryById.clear();
  }
}
