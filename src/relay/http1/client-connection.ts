import type { Socket } from 'node:net';
import type { Watched } from '../../forward/watchdog.ts';
import type { LaneHead } from '../traffic.ts';
import { ByteStore, findHead, hasBareLineFeed } from './byte-store.ts';
import { ClientSocket } from './client-socket.ts';
import { Exchange } from './exchange.ts';
import type { AfterExchange, ClientLimits, ExchangeOwner, ExchangeParts } from './exchange-parts.ts';
import { ownAnswerBytes, plainAnswer } from './own-answer.ts';
import { Fault, headTooLarge, type RequestHead, readRequestHead } from './request-head.ts';

/** What a connection tells its lane. */
export interface ClientOwner {
  readonly parts: ExchangeParts;
  readonly limits: ClientLimits;
  onClientClosed(connection: ClientConnection): void;
}

/** A pipelining client may be ahead by so much; then it is not read from. */
const maxAheadBytes = 64 * 1024;
const maxLingerBytes = 256 * 1024 * 1024;

// state   | the client's bytes                                   | over when
// reading | gathered until a head is there                       | a head, a fault, idle or head time limit
// busy    | the exchange's, and those beyond it kept for later   | the exchange is done
// leaving | dropped                                              | the client's FIN, time limit
// closed  | -                                                    |
/** A client's connection: reads requests off it, one exchange after the other. */
export class ClientConnection implements Watched, ExchangeOwner {
  slot = -1;
  readonly #owner: ClientOwner;
  readonly #socket: Socket;
  readonly #out: ClientSocket;
  readonly #peer: LaneHead['peer'];
  #state: 'reading' | 'busy' | 'leaving' | 'closed' = 'reading';
  /** What was read and belongs to no exchange yet. */
  #store: ByteStore | null = null;
  #exchange: Exchange | null = null;
  #isAdvancing = false;
  #lingerBytes = 0;
  /** Bytes of a body that nobody wants, before the next request. */
  #skipBytes = 0;
  /** Bytes of the begun head in which no end was found. */
  #searched = 0;
  /** Since when it is in its state; -1: to be taken at the next check. */
  #sinceMs = -1;

  constructor(socket: Socket, owner: ClientOwner) {
    this.#owner = owner;
    this.#socket = socket;
    this.#out = new ClientSocket(socket);
    const { remoteAddress: address = '', remotePort: port = 0 } = socket;
    this.#peer = { address, port, isTls: this.#out.isTls };
    socket.allowHalfOpen = true;
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => this.#onBytes(bytes));
    socket.on('end', () => this.#onEnd());
    socket.on('drain', () => this.#onDrain());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#onClose());
  }

  /** No request is under way, nor has one begun to arrive. */
  get isIdle(): boolean {
    return this.#state === 'reading' && this.#store === null;
  }

  takeAhead(): Buffer | null {
    const ahead = this.#store?.view() ?? null;
    this.#store = null;
    this.#out.unhold('ahead');
    return ahead;
  }

  exchangeDone(after: AfterExchange, unreadBytes: number): void {
    this.#exchange = null;
    this.#skipBytes = unreadBytes;
    this.#out.unhold('body');
    if (this.#state === 'closed') return;
    if (after === 'linger') this.#leave();
    else if (after === 'keep') {
      this.#state = 'reading';
      this.#sinceMs = -1;
      this.#advance(null);
      // Its answer had begun before that was known.
      if (this.#owner.parts.isDraining()) this.drain();
    } else if (this.#out.isCut) this.#state = 'leaving';
    else this.#out.destroy();
  }

  /** Closes it as soon as no request is under way. */
  drain(): void {
    if (this.isIdle) this.#leave();
  }

  /** Cuts it. */
  destroy(): void {
    this.#socket.destroy();
    this.#onClose();
  }

  /** Looks at its time limits. */
  check(nowMs: number): void {
    if (this.#exchange !== null) this.#exchange.check(nowMs);
    else if (this.#sinceMs === -1) this.#sinceMs = nowMs;
    else if (nowMs - this.#sinceMs >= this.#limitMs()) this.#expire();
  }

  #limitMs(): number {
    const { idleMs, headMs, lingerMs } = this.#owner.limits;
    if (this.#state === 'leaving') return this.#out.isCut || this.#out.isFlushed ? lingerMs : idleMs;
    return this.#store === null || this.#out.isFull ? idleMs : headMs;
  }

  #expire(): void {
    if (this.#state === 'leaving') this.#socket.destroy();
    else if (this.#store === null || this.#out.isFull) this.#leave();
    else this.#refuse(new Fault(408, 'the head of the request took too long'));
  }

  #onBytes(bytes: Buffer): void {
    if (this.#skipBytes > 0) {
      const skipped = Math.min(this.#skipBytes, bytes.length);
      this.#skipBytes -= skipped;
      if (skipped === bytes.length) return;
      bytes = bytes.subarray(skipped);
    }
    if (this.#state === 'reading') this.#advance(bytes);
    else if (this.#state === 'busy') this.#onBusyBytes(bytes, this.#exchange!);
    else {
      this.#lingerBytes += bytes.length;
      if (this.#lingerBytes > maxLingerBytes) this.#socket.destroy();
    }
  }

  #onBusyBytes(bytes: Buffer, exchange: Exchange): void {
    const end = exchange.onClientBytes(bytes, 0);
    if (end === bytes.length) return;
    const rest = bytes.subarray(end);
    if (this.#exchange !== exchange) {
      this.#onBytes(rest);
      return;
    }
    this.#store ??= new ByteStore();
    this.#store.append(rest);
    if (this.#store.length > maxAheadBytes) this.#out.hold('ahead');
  }

  /** Takes requests out of what came, as long as each is done at once. */
  #advance(bytes: Buffer | null): void {
    if (this.#isAdvancing) return;
    const store = this.#store;
    if (store !== null && bytes !== null) store.append(bytes);
    const input = store === null ? bytes : store.view();
    if (input === null) return;
    this.#isAdvancing = true;
    let at = 0;
    while (at < input.length && this.#state === 'reading' && !this.#out.isFull) {
      const next = this.#next(input, at);
      if (next === at) break;
      at = next;
      this.#searched = 0;
    }
    this.#isAdvancing = false;
    this.#keepRest(input, at, store);
  }

  #keepRest(input: Buffer, at: number, store: ByteStore | null): void {
    const isOver = this.#state === 'leaving' || this.#state === 'closed';
    if (isOver || at === input.length) this.#store = null;
    else if (at > 0 || store === null) {
      this.#store = new ByteStore();
      this.#store.append(input.subarray(at));
      this.#sinceMs = -1;
    }
    if (this.#store !== null && this.#store.length > maxAheadBytes && !isOver) this.#out.hold('ahead');
    else this.#out.unhold('ahead');
  }

  /** Takes the request that begins at `at`; where the next one begins, `at` where this one's head is not there yet. */
  #next(input: Buffer, at: number): number {
    const { parts } = this.#owner;
    // RFC 9112, 2.2: an empty line before a request line, which old clients sent behind a body.
    const start = input[at] === 13 && input[at + 1] === 10 ? at + 2 : at;
    const found = findHead(input, start, input.length, Math.max(start, at + this.#searched - 3));
    if (found === null) return this.#awaitHead(input, at);
    const { text, end } = found;
    if (end > parts.maxHeadBytes) return this.#refuse(headTooLarge(parts.maxHeadBytes), input);
    const head = readRequestHead(text, end, this.#peer, parts.maxFields);
    if (head instanceof Fault) return this.#refuse(head, input);
    return this.#begin(head, input, start + end + 2);
  }

  #begin(head: RequestHead, input: Buffer, bodyStart: number): number {
    const exchange = new Exchange(this.#owner.parts, this.#out, this, head);
    this.#exchange = exchange;
    this.#state = 'busy';
    const next = bodyStart < input.length ? exchange.onClientBytes(input, bodyStart) : bodyStart;
    if (!exchange.isEnded) exchange.begin();
    return next;
  }

  #awaitHead(input: Buffer, at: number): number {
    const { maxHeadBytes } = this.#owner.parts;
    const length = input.length - at;
    if (length > maxHeadBytes) return this.#refuse(headTooLarge(maxHeadBytes), input);
    if (hasBareLineFeed(input, at + this.#searched)) {
      return this.#refuse(new Fault(400, 'a line does not end with CRLF'), input);
    }
    this.#searched = length;
    return at;
  }

  /** Answers with what is wrong, and reads no more requests. */
  #refuse({ status, message }: Fault, input?: Buffer): number {
    const context = { wallMs: this.#owner.parts.clock.wallMs(), isHead: false, isClosing: true };
    this.#out.writeBytes(ownAnswerBytes(plainAnswer(status, message), context));
    this.#leave();
    return input?.length ?? 0;
  }

  #leave(): void {
    this.#state = 'leaving';
    this.#sinceMs = -1;
    this.#store = null;
    this.#out.unhold('body');
    this.#out.unhold('ahead');
    this.#out.end();
  }

  #onEnd(): void {
    if (this.#state === 'busy') this.#exchange!.onClientEnd();
    else this.#socket.end();
  }

  #onDrain(): void {
    if (this.#exchange !== null) this.#exchange.onClientDrain();
    else if (this.#state === 'reading') this.#advance(null);
  }

  #onClose(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#store = null;
    this.#exchange?.onClientGone();
    this.#owner.onClientClosed(this);
  }
}
