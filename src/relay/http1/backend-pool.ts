import type { Clock } from '../../core/clock.ts';
import { Watchdog } from '../../forward/watchdog.ts';
import { BackendConnection, type BackendOwner, type BackendUser } from './backend-connection.ts';

/** Limits of the connections to backends. */
export interface BackendPoolOptions {
  readonly clock: Clock;
  /** Milliseconds; 0 = none. */
  readonly connectTimeoutMs: number;
  /** Milliseconds that an idle connection is kept. */
  readonly idleMs: number;
  /** Idle connections kept for each host and port. */
  readonly maxIdle: number;
}

/** Idle connections to one host and port; the last one used is used first. */
interface Shelf {
  readonly host: string;
  readonly port: number;
  readonly idle: BackendConnection[];
}

/** A margin, so that a connection is not used in the moment in which its backend closes it. */
const keepAliveMarginMs = 1_000;

/** The connections to backends: as many as there are exchanges, and some that wait for the next. */
export class BackendPool implements BackendOwner {
  readonly #options: BackendPoolOptions;
  readonly #watchdog: Watchdog;
  readonly #shelves = new Map<string, Shelf>();
  /** The shelf asked for last: mostly there is one backend. */
  #last: Shelf | null = null;
  #isClosed = false;
  readonly #open = new Set<BackendConnection>();

  constructor(options: BackendPoolOptions) {
    this.#options = options;
    this.#watchdog = new Watchdog(options.clock);
  }

  /** Connections that are open or being opened. */
  get openCount(): number {
    return this.#open.size;
  }

  /** Connections that wait for an exchange. */
  get idleCount(): number {
    let sum = 0;
    for (const { idle } of this.#shelves.values()) sum += idle.length;
    return sum;
  }

  /** A connection for `user`: an idle one, else one that is being opened, to which can be written at once. */
  acquire(host: string, port: number, user: BackendUser): BackendConnection {
    const idle = this.#shelf(host, port).idle.pop();
    if (idle !== undefined) {
      idle.use(user);
      return idle;
    }
    const { connectTimeoutMs, idleMs } = this.#options;
    const made = new BackendConnection({ host, port, connectTimeoutMs, idleMs }, this, user);
    this.#open.add(made);
    this.#watchdog.add(made);
    return made;
  }

  /** Takes back a connection whose exchange is over. `keepAliveMs`: for how long its backend says it keeps it; null: unsaid. */
  release(connection: BackendConnection, keepAliveMs: number | null): void {
    if (keepAliveMs !== null)
      connection.idleMs = Math.min(connection.idleMs, keepAliveMs - keepAliveMarginMs);
    const { idle } = this.#shelf(connection.host, connection.port);
    if (this.#isClosed || connection.idleMs <= 0 || idle.length >= this.#options.maxIdle) {
      connection.destroy();
      return;
    }
    idle.push(connection);
    connection.rest();
  }

  onIdleLost(connection: BackendConnection): void {
    const { idle } = this.#shelf(connection.host, connection.port);
    const at = idle.indexOf(connection);
    if (at >= 0) idle.splice(at, 1);
  }

  onClosed(connection: BackendConnection): void {
    this.#open.delete(connection);
    this.#watchdog.delete(connection);
  }

  /** Closes the idle ones, and each other one when its exchange is over. */
  close(): void {
    this.#isClosed = true;
    for (const { idle } of this.#shelves.values()) {
      for (const connection of idle.splice(0)) connection.destroy();
    }
  }

  #shelf(host: string, port: number): Shelf {
    if (this.#last?.port === port && this.#last.host === host) return this.#last;
    const key = `${host}:${port}`;
    let shelf = this.#shelves.get(key);
    if (shelf === undefined) {
      shelf = { host, port, idle: [] };
      this.#shelves.set(key, shelf);
    }
    this.#last = shelf;
    return shelf;
  }
}
