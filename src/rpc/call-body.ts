import { PilotlightError } from '../core/errors.ts';
import type { HeldMemory } from '../forward/held-memory.ts';
import type { Watchdog, Watched } from '../forward/watchdog.ts';
import { FirstMessage } from '../protocols/grpc/first-message.ts';
import { modelOfMessage, type NamedModel, renamedMessage } from '../protocols/grpc/inference.ts';
import { requireModel } from '../protocols/model-name.ts';
import type { BodyReader, HeldRequest } from '../relay/traffic.ts';

/** Who wants to know the model. */
export interface CallBodyOwner {
  onModel(name: string): void;
  /** It names none that could be read. */
  onFault(error: unknown): void;
}

/** What a body is read with. */
export interface CallBodyOptions {
  readonly held: HeldMemory;
  readonly watchdog: Watchdog;
  readonly request: HeldRequest;
  /** The longest message that is read. */
  readonly maxBytes: number;
  /** `nowMs` by which it must be there; Infinity = never. */
  readonly untilMs: number;
}

/**
 * What is read of a call's body to find its model: the first message, kept in memory until the backend has answered. What
 * comes behind it stays with the client.
 */
export class CallBody implements BodyReader, Watched {
  slot = -1;
  readonly #options: CallBodyOptions;
  readonly #owner: CallBodyOwner;
  readonly #first: FirstMessage;
  #takenBytes = 0;
  #named: NamedModel | null = null;
  #isLetGo = false;

  constructor(options: CallBodyOptions, owner: CallBodyOwner) {
    this.#options = options;
    this.#owner = owner;
    this.#first = new FirstMessage(options.maxBytes);
  }

  /** Bytes that are kept. */
  get bytes(): number {
    return this.#takenBytes;
  }

  /** The model as the client named it; null: it was not read here. */
  get name(): string | null {
    return this.#named?.name ?? null;
  }

  /** Reads until the model is known. */
  read(): void {
    this.#options.watchdog.add(this);
    this.#options.request.read(this);
  }

  check(nowMs: number): void {
    if (nowMs <= this.#options.untilMs) return;
    const message = 'the first message did not arrive within server.limits.bodyTimeout';
    this.#owner.onFault(new PilotlightError('request_timeout', message));
  }

  onChunk(chunk: Buffer): void {
    if (this.#isLetGo) return;
    try {
      const isThere = this.#first.push(chunk);
      const { held, request, watchdog } = this.#options;
      if (!held.takeMemory(chunk.length))
        throw held.full('memory full: no room in server.heldMemory for the first message of a call');
      this.#takenBytes += chunk.length;
      if (!isThere) return;
      watchdog.delete(this);
      request.pause();
      this.#named = modelOfMessage(this.#first.message());
      this.#owner.onModel(requireModel(this.#named.name));
    } catch (error) {
      this.#owner.onFault(error);
    }
  }

  onEnd(): void {
    if (this.#isLetGo || this.#named !== null) return;
    this.#owner.onFault(
      new PilotlightError('invalid_body', 'invalid body: it ended before its first message'),
    );
  }

  /** What was read, for a backend that knows the model as `name`. */
  pieces(name: string): readonly Buffer[] {
    if (this.#named === null) return [];
    const isOther = this.#named.name !== name;
    return this.#first.pieces(isOther ? renamedMessage(this.#first.message(), this.#named, name) : null);
  }

  /** It is not sent again. Idempotent. */
  letGo(): void {
    if (this.#isLetGo) return;
    this.#isLetGo = true;
    this.#options.watchdog.delete(this);
    this.#options.held.giveMemory(this.#takenBytes);
  }
}
