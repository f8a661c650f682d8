import type { Socket } from 'node:net';
import type { Clock } from '../../core/clock.ts';
import { Watchdog } from '../../forward/watchdog.ts';
import type { Lane, Traffic } from '../traffic.ts';
import { BackendPool } from './backend-pool.ts';
import { ClientConnection, type ClientOwner } from './client-connection.ts';
import type { ClientLimits, ExchangeParts } from './exchange-parts.ts';
import { HeldBudget } from './held-budget.ts';

/** Options of a lane of HTTP/1.1; all but the first two have defaults. Times in milliseconds. */
export interface Http1LaneOptions {
  readonly traffic: Traffic;
  readonly clock: Clock;
  /** Of a head, either way. Default 64 KiB. */
  readonly maxHeadBytes?: number;
  /** Fields of a head, either way. Default 1,000. */
  readonly maxFields?: number;
  /** Bodies of waiting requests, over all of them: past it they are not read any more. Default 64 MiB. */
  readonly maxHeldBytes?: number;
  /** Idle connections to each backend. Default 1,000. */
  readonly maxIdleBackends?: number;
  /** For a connection to a backend to open; 0 = none. Default 5 s. */
  readonly connectMs?: number;
  /** For a request's head to arrive once it has begun. Default 15 s. */
  readonly headMs?: number;
  /** For which a client's connection is kept without a request. Default 2 min. */
  readonly idleMs?: number;
}

/** Below the 5 s after which common servers close an idle connection: a request on it would be lost. */
const backendIdleMs = 4_000;
const lingerMs = 5_000;
const lateUploadMs = 30_000;
const halfOpenMs = 60_000;

/** The lane of HTTP/1.1 with what tests count. */
export interface Http1Lane extends Lane {
  readonly counts: {
    /** Connections of clients. */
    readonly clients: number;
    /** Connections to backends, in use or not. */
    readonly backends: number;
    readonly idleBackends: number;
    /** Bytes of bodies that wait. */
    readonly heldBytes: number;
  };
}

/**
 * A lane that speaks HTTP/1.1 (and answers 1.0) on bare sockets, TCP or TLS: a strict reader of heads, bodies passed on as they
 * are framed, and a pool of plain connections to backends. A request is never sent twice.
 *
 *     socket -> ClientConnection: heads -> Exchange (LaneRequest) -> BackendTurn -> BackendConnection
 *                                             Upload ->                 <- AnswerPassage
 *
 * Its limits: docs of `Http1LaneOptions`. Answers that are the lane's own (400, 408, 417, 431, 501) reach no crossing.
 */
export function createHttp1Lane(options: Http1LaneOptions): Http1Lane {
  return new BareLane(options);
}

class BareLane implements Http1Lane, ClientOwner {
  readonly parts: ExchangeParts;
  readonly limits: ClientLimits;
  readonly #watchdog: Watchdog;
  readonly #pool: BackendPool;
  readonly #budget: HeldBudget;
  readonly #connections = new Set<ClientConnection>();
  #isDraining = false;
  #onEmpty: (() => void)[] = [];

  constructor(options: Http1LaneOptions) {
    const { traffic, clock, maxHeadBytes = 64 * 1024, maxFields = 1_000 } = options;
    this.#watchdog = new Watchdog(clock);
    this.#pool = new BackendPool({
      clock,
      connectTimeoutMs: options.connectMs ?? 5_000,
      idleMs: backendIdleMs,
      maxIdle: options.maxIdleBackends ?? 1_000,
    });
    this.#budget = new HeldBudget(options.maxHeldBytes ?? 64 * 1024 * 1024);
    this.limits = { idleMs: options.idleMs ?? 120_000, headMs: options.headMs ?? 15_000, lingerMs };
    this.parts = {
      traffic,
      clock,
      pool: this.#pool,
      budget: this.#budget,
      maxHeadBytes,
      maxFields,
      lateUploadMs,
      halfOpenMs,
      isDraining: () => this.#isDraining,
    };
  }

  get counts() {
    return {
      clients: this.#connections.size,
      backends: this.#pool.openCount,
      idleBackends: this.#pool.idleCount,
      heldBytes: this.#budget.heldBytes,
    };
  }

  take(socket: Socket): void {
    if (socket.destroyed) return;
    const connection = new ClientConnection(socket, this);
    this.#connections.add(connection);
    this.#watchdog.add(connection);
    if (this.#isDraining) connection.drain();
  }

  async drain(): Promise<void> {
    this.#isDraining = true;
    for (const connection of this.#connections) connection.drain();
    if (this.#connections.size > 0) await new Promise<void>((resolve) => this.#onEmpty.push(resolve));
    this.#pool.close();
  }

  close(): void {
    this.#isDraining = true;
    for (const connection of this.#connections) connection.destroy();
    this.#pool.close();
  }

  onClientClosed(connection: ClientConnection): void {
    this.#connections.delete(connection);
    this.#watchdog.delete(connection);
    if (this.#connections.size > 0) return;
    for (const resolve of this.#onEmpty.splice(0)) resolve();
  }
}
