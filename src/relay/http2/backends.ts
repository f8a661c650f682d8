import type { Clock } from '../../core/clock.ts';
import { type BackendAddress, BackendSession, type SessionWatcher } from './backend-session.ts';

/** Who wants a stream. Called at once where there is room, and never within `leave` of another stream's own call. */
export interface Waiter {
  /** There is room on `session` for one stream, which is opened now or never. */
  onSession(session: BackendSession): void;
  /** No connection was had. */
  onUnreachable(cause: Error): void;
}

/** What the pool is made of. */
export interface BackendsOptions {
  readonly clock: Clock;
  readonly connectMs: number;
  readonly idleMs: number;
  readonly windowBytes: number;
}

/** The connections to all backends of a lane: one each, and more where a backend allows no more streams on one. */
export class Backends {
  readonly #options: BackendsOptions;
  readonly #backendByKey = new Map<string, Backend>();

  constructor(options: BackendsOptions) {
    this.#options = options;
  }

  /** Gives `waiter` a session, now or later. `connectMs` 0: that of the pool. Returns what `cancel` takes. */
  ask(address: BackendAddress, connectMs: number, waiter: Waiter): Backend {
    const key = `${address.isTls ? 's' : ''}${address.host}:${address.port}`;
    let backend = this.#backendByKey.get(key);
    if (backend === undefined) {
      backend = new Backend(address, this.#options, () => this.#backendByKey.delete(key));
      this.#backendByKey.set(key, backend);
    }
    backend.ask(waiter, connectMs || this.#options.connectMs);
    return backend;
  }

  /** Cuts every connection. */
  close(): void {
    for (const backend of [...this.#backendByKey.values()]) backend.close();
  }
}

/** The connections to one backend. Of those that connect there is one at a time. */
export class Backend implements SessionWatcher {
  readonly #address: BackendAddress;
  readonly #options: BackendsOptions;
  readonly #onEmpty: () => void;
  readonly #sessions: BackendSession[] = [];
  readonly #waiting = new Map<Waiter, number>();
  #connecting: BackendSession | null = null;

  constructor(address: BackendAddress, options: BackendsOptions, onEmpty: () => void) {
    this.#address = address;
    this.#options = options;
    this.#onEmpty = onEmpty;
  }

  ask(waiter: Waiter, connectMs: number): void {
    if (this.#waiting.size === 0) {
      const session = this.#sessions.find(({ room }) => room > 0);
      if (session !== undefined) {
        waiter.onSession(session);
        return;
      }
    }
    this.#waiting.set(waiter, connectMs);
    this.#connect();
  }

  /** `waiter` wants none any more. */
  cancel(waiter: Waiter): void {
    this.#waiting.delete(waiter);
  }

  onRoom(session: BackendSession): void {
    if (session === this.#connecting) {
      this.#connecting = null;
      this.#sessions.push(session);
      if (session.room <= 0) {
        session.close();
        this.#fail(new Error(`${this.#name} allows no streams`));
        return;
      }
    }
    for (const waiter of this.#waiting.keys()) {
      if (session.room <= 0) break;
      this.#waiting.delete(waiter);
      waiter.onSession(session);
    }
    this.#connect();
  }

  onFailed(_session: BackendSession, cause: Error): void {
    this.#connecting = null;
    this.#fail(cause);
    this.#drop();
  }

  onGone(session: BackendSession): void {
    this.#sessions.splice(this.#sessions.indexOf(session), 1);
    this.#connect();
    this.#drop();
  }

  close(): void {
    this.#fail(new Error(`${this.#name}: the lane was closed`));
    this.#connecting?.close();
    for (const session of [...this.#sessions]) session.close();
  }

  get #name(): string {
    return `${this.#address.host}:${this.#address.port}`;
  }

  #connect(): void {
    if (this.#connecting !== null || this.#waiting.size === 0) return;
    const [connectMs] = this.#waiting.values();
    const { clock, idleMs, windowBytes } = this.#options;
    const options = {
      address: this.#address,
      clock,
      watcher: this,
      connectMs: connectMs!,
      idleMs,
      windowBytes,
    };
    this.#connecting = new BackendSession(options);
  }

  /** A waiter may ask again from within: that is for the next connection. */
  #fail(cause: Error): void {
    const failed = [...this.#waiting.keys()];
    this.#waiting.clear();
    for (const waiter of failed) waiter.onUnreachable(cause);
  }

  #drop(): void {
    if (this.#sessions.length === 0 && this.#connecting === null && this.#waiting.size === 0) this.#onEmpty();
  }
}
