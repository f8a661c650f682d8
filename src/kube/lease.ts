import type { KubernetesSettings } from '../config/settings.ts';
import type { Clock } from '../core/clock.ts';
import { type KubeApi, KubeError } from './api.ts';
import type { LeaseHolder } from './lease-holder.ts';
import {
  drainOf,
  type Holding,
  holderOf,
  type LeaseObject,
  lastHolderOf,
  leaseHeldBy,
  newLease,
  refusalOf,
} from './lease-record.ts';

/** What a gateway of a group needs to lead it. */
export interface LeaseOptions {
  readonly api: KubeApi;
  readonly clock: Clock;
  /** As Math.random. */
  readonly random: () => number;
  /** Unique in the group: the pod's name and something random. */
  readonly identity: string;
  readonly settings: NonNullable<KubernetesSettings['lease']>;
  /** How long this gateway goes on serving what it admitted after it has lost the lease. */
  readonly drainMs: number;
  /** Told of each failure, for the log. */
  readonly onFault: (error: unknown) => void;
}

/**
 * The algorithm of client-go's leaderelection: a lease that has not changed for its duration, by the own monotonic clock, may
 * be taken. Times that others wrote are never compared, so that no skew of clocks makes two leaders.
 */
class Lease implements LeaseHolder {
  readonly #options: LeaseOptions;
  readonly #path: string;
  readonly #collection: string;
  readonly #namespace: string;
  readonly #stop = new AbortController();
  readonly #listeners = new Set<() => void>();
  #ended: Promise<void> = Promise.resolve();
  #seen: LeaseObject | null = null;
  #seenAtMs = 0;
  /** Own clock; leadership ends there unless it is renewed. */
  #leadsUntilMs = Number.NEGATIVE_INFINITY;
  #cancelExpiry: (() => void) | null = null;
  #isLeader = false;
  /** `#seen` is what the server has, as far as this one's own writes go. */
  #isSure = false;
  #lowersFromMs = 0;
  #reason: string | null = 'the lease has not been asked for yet';

  constructor(options: LeaseOptions) {
    const { api, settings } = options;
    this.#options = options;
    this.#namespace = settings.namespace ?? api.namespace;
    const namespace = encodeURIComponent(this.#namespace);
    this.#collection = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
    this.#path = `${this.#collection}/${encodeURIComponent(settings.name)}`;
  }

  get isLeader(): boolean {
    return this.leadsFor() > 0;
  }

  get lowersFromMs(): number {
    return this.#lowersFromMs;
  }

  get leader(): string | null {
    return this.isLeader ? this.#options.identity : holderOf(this.#seen) || null;
  }

  get reason(): string | null {
    return this.isLeader ? null : this.#reason;
  }

  leadsFor(): number {
    return this.#isLeader ? Math.max(0, this.#leadsUntilMs - this.#options.clock.nowMs()) : 0;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  start(): void {
    this.#ended = this.#run();
  }

  async #run(): Promise<void> {
    const { clock, random, settings, onFault } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const startedAtMs = clock.nowMs();
      try {
        await this.#try(startedAtMs);
      } catch (error) {
        if (signal.aborted) return;
        onFault(error);
        if (!this.isLeader) this.#resign(refusalOf(error, this.#namespace));
      }
      // Renewed each retryMs; who waits spreads out, so that not all ask at once.
      const jitter = this.isLeader ? 1 : 1 + 0.2 * random();
      await clock.sleep(settings.retryMs * jitter, signal).catch(() => undefined);
    }
  }

  /** One attempt to take or renew it. `startedAtMs` is before any call: from then on a renewal counts. */
  async #try(startedAtMs: number, isAgain = false): Promise<void> {
    const { identity, settings, clock } = this.#options;
    // A renewal needs no read: it goes on from the version that was written last, and is refused when that is old.
    const current = this.isLeader && this.#isSure ? this.#seen : await this.#read(startedAtMs);
    // Of one that somebody deleted the last holder may still lead: it is waited for all the same.
    const before = current ?? this.#seen;
    const holder = holderOf(before);
    if (holder !== '' && holder !== identity) {
      const waitsMs = this.#seenAtMs + (before?.spec?.leaseDurationSeconds ?? 0) * 1_000;
      if (clock.nowMs() < Math.max(waitsMs, this.#seenAtMs + settings.durationMs)) {
        this.#resign(`${holder} leads`);
        return;
      }
    }
    const wasLeader = this.isLeader;
    try {
      this.#isSure = false;
      this.#observe(await this.#write(current, startedAtMs));
      this.#isSure = true;
    } catch (error) {
      if (!(error instanceof KubeError) || (error.status !== 409 && error.status !== 404)) throw error;
      // Another wrote it, or an own write took effect whose answer was lost: a look at it tells which.
      if (!isAgain) return this.#try(startedAtMs, true);
      this.#resign('the lease was taken by another');
      return;
    }
    // An answer after the end of the own leadership does not bring it back: the next attempt does.
    if (wasLeader === this.isLeader) this.#lead(startedAtMs, before);
  }

  async #read(startedAtMs: number): Promise<LeaseObject | null> {
    try {
      const call = { method: 'GET', path: this.#path, timeoutMs: this.#timeoutMs(startedAtMs) } as const;
      const lease = await this.#options.api.call<LeaseObject>({ ...call, signal: this.#stop.signal });
      this.#observe(lease);
      return lease;
    } catch (error) {
      if (!(error instanceof KubeError) || error.status !== 404) throw error;
      return null;
    }
  }

  #write(current: LeaseObject | null, startedAtMs: number): Promise<LeaseObject> {
    const { api, settings, identity } = this.#options;
    const base = current ?? newLease(settings.name, this.#namespace);
    return api.call<LeaseObject>({
      method: current === null ? 'POST' : 'PUT',
      path: `${current === null ? this.#collection : this.#path}?fieldManager=pilotlight`,
      body: leaseHeldBy(base, this.#by(identity)),
      timeoutMs: this.#timeoutMs(startedAtMs),
      signal: this.#stop.signal,
    });
  }

  #by(holder: string): Holding {
    const { clock, settings, identity, drainMs } = this.#options;
    // What is left of the drain of the one before goes on to the one after.
    const leftMs = Math.max(drainMs, Math.ceil(this.#lowersFromMs - clock.nowMs()));
    const { durationMs } = settings;
    return { holder, self: identity, drainMs: leftMs, durationMs, wallMs: clock.wallMs() };
  }

  /** One call may take half the deadline, so that a lost one leaves time for another, and never outlasts leadership. */
  #timeoutMs(startedAtMs: number): number {
    const { clock, settings } = this.#options;
    const endMs = this.isLeader ? this.#leadsUntilMs : startedAtMs + settings.renewDeadlineMs;
    return Math.max(1, Math.min(settings.renewDeadlineMs / 2, endMs - clock.nowMs()));
  }

  #observe(lease: LeaseObject): void {
    if (lease.metadata.resourceVersion !== this.#seen?.metadata.resourceVersion) {
      this.#seenAtMs = this.#options.clock.nowMs();
    }
    this.#seen = lease;
  }

  #lead(startedAtMs: number, before: LeaseObject | null): void {
    const { clock, settings, identity, drainMs } = this.#options;
    const nowMs = clock.nowMs();
    const untilMs = startedAtMs + settings.renewDeadlineMs;
    // The answer came too late to build on: the next attempt reads the lease anew.
    if (nowMs >= untilMs) return;
    const wasLeader = this.isLeader;
    this.#leadsUntilMs = untilMs;
    this.#cancelExpiry?.();
    this.#cancelExpiry = clock.setTimer(untilMs, () =>
      this.#resign('the lease could not be renewed in time'),
    );
    if (wasLeader) return;
    const last = lastHolderOf(before);
    if (last !== '' && last !== identity) this.#lowersFromMs = nowMs + drainOf(before, drainMs);
    this.#isLeader = true;
    this.#tell();
  }

  #resign(reason: string): void {
    const isSame = !this.#isLeader && this.#reason === reason;
    this.#cancelExpiry?.();
    this.#cancelExpiry = null;
    this.#isLeader = false;
    this.#reason = reason;
    if (!isSame) this.#tell();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  async release(): Promise<void> {
    const wasLeader = this.isLeader;
    await this.close();
    if (!wasLeader) return;
    const { api, settings, identity, onFault } = this.#options;
    const rest = { timeoutMs: settings.retryMs * 2, signal: new AbortController().signal };
    try {
      // Read anew: the renewal that was cut off may have taken effect.
      const current = await api.call<LeaseObject>({ method: 'GET', path: this.#path, ...rest });
      if (holderOf(current) !== identity) return;
      const body = leaseHeldBy(current, this.#by(''));
      await api.call({ method: 'PUT', path: `${this.#path}?fieldManager=pilotlight`, body, ...rest });
    } catch (error) {
      onFault(error);
    }
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#resign('the gateway ends');
    await this.#ended;
  }
}

/** The leadership of a group of gateways that share a Lease; `start` begins it. */
export function createLease(options: LeaseOptions): LeaseHolder {
  return new Lease(options);
}
