import { Redis } from 'ioredis';
import type { Clock } from '../../core/clock.ts';
import { PilotlightError } from '../../core/errors.ts';
import { isRefusal, redisErrorOf } from './redis-error.ts';
import { redisOptionsOf } from './redis-options.ts';

/** What is asked while there is no connection waits that long for one, and no more than so many. */
const waitMs = 2_000;
const maxWaiting = 1_000;
/** How long the first connection may take; after that the store is not opened. */
const openMs = 10_000;

export interface RedisLinkOptions {
  readonly url: string;
  readonly clock: Clock;
  /** Told once of each time that the connection is lost. */
  readonly onFault: (error: Error) => void;
}

/** One connection to Redis, which is made again when it is lost. Nothing that was sent is sent again. */
export class RedisLink {
  readonly address: string;
  readonly #client: Redis;
  readonly #clock: Clock;
  readonly #onFault: (error: Error) => void;
  readonly #waiting = new Set<(error?: Error) => void>();
  #isLossTold = false;
  #isClosed = false;
  /** Of the time without a connection that lasts. */
  #lastError: Error | null = null;

  constructor({ url, clock, onFault }: RedisLinkOptions) {
    const options = redisOptionsOf(url);
    this.address = `${options.host}:${options.port}`;
    this.#clock = clock;
    this.#onFault = onFault;
    this.#client = new Redis(options);
    this.#client.on('error', (error: Error) => this.#lost(error));
    this.#client.on('close', () => this.#lost(this.#lastError ?? new Error('connection closed')));
    this.#client.on('ready', () => this.#arrived());
  }

  get isReady(): boolean {
    return this.#client.status === 'ready';
  }

  /** Connects, or rejects with store_unavailable; a password that is refused is told at once. */
  async open(): Promise<void> {
    this.#isLossTold = true;
    const refused = Promise.withResolvers<never>();
    const onError = (error: Error) => {
      if (isRefusal(error)) refused.reject(redisErrorOf(error, this.address));
    };
    this.#client.on('error', onError);
    try {
      const connected = this.#client.connect().catch(() => this.#untilReady(openMs));
      await Promise.race([connected, refused.promise]);
    } catch (error) {
      await this.close();
      throw error;
    } finally {
      this.#client.off('error', onError);
    }
    this.#isLossTold = false;
  }

  /** Calls `send` at once where there is a connection, else as soon as there is one; rejects with PilotlightError. */
  async ask<T>(send: (client: Redis) => Promise<T>): Promise<T> {
    if (this.#isClosed) throw closedError();
    if (!this.isReady) await this.#untilReady(waitMs);
    try {
      return await send(this.#client);
    } catch (error) {
      throw redisErrorOf(error, this.address);
    }
  }

  /** Calls `listener` for each text that is published on the channel, and `onReady` at each new connection. */
  listen(listener: (text: string) => void, onReady: () => void): void {
    this.#client.on('message', (_channel: string, text: string) => listener(text));
    this.#client.on('ready', onReady);
  }

  /** Ends the connection when what was sent is answered; idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const settle of [...this.#waiting]) settle(closedError());
    if (this.isReady) await this.#client.quit().catch((error: Error) => this.#lost(error));
    this.#client.disconnect();
  }

  #untilReady(forMs: number): Promise<void> {
    const unready = () => redisErrorOf(this.#lastError ?? new Error('no connection'), this.address);
    if (this.#waiting.size >= maxWaiting) return Promise.reject(unready());
    return new Promise((resolve, reject) => {
      const settle = (failure?: Error) => {
        this.#waiting.delete(settle);
        cancel();
        if (failure) reject(failure);
        else resolve();
      };
      const cancel = this.#clock.setTimer(this.#clock.nowMs() + forMs, () => settle(unready()));
      this.#waiting.add(settle);
    });
  }

  #arrived(): void {
    this.#isLossTold = false;
    this.#lastError = null;
    for (const settle of [...this.#waiting]) settle();
  }

  #lost(error: Error): void {
    this.#lastError = error;
    if (this.#isLossTold || this.#isClosed) return;
    this.#isLossTold = true;
    this.#onFault(redisErrorOf(error, this.address));
  }
}

/** What is told of a store that was closed. */
export function closedError(): PilotlightError {
  return new PilotlightError('store_unavailable', 'store: it was closed');
}
