import { createWriteStream, fstatSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';

/** Where a LogWriter's text goes. */
export interface LogSink {
  /** Opens the stream; called at the first batch, and again after an error that `canReopen`. */
  open(): Writable;
  /** Whether writing may work again after this error (a full disk), or never will (nobody reads any more). */
  canReopen(error: Error): boolean;
  /** Writes the rest while the process exits, as far as that needs no waiting; may throw. */
  writeLast(text: string): void;
}

const batchChars = 64 * 1024;
const flushEveryMs = 500;
const maxUnreadBytes = 4 * 1024 * 1024;
const maxFlushMs = 2_000;

/**
 * Collects lines into batches of 64 KiB or half a second and writes them in the background: a write for each request
 * would cost a tenth of its time. Whoever reads the log can neither stop nor fill the gateway: past 4 MiB that were not
 * taken, lines are dropped and counted, and the first batch that is taken again begins with a line that says how many.
 */
export class LogWriter {
  readonly #sink: LogSink;
  #stream: Writable | null = null;
  #isBroken = false;
  #text = '';
  #lines = 0;
  #dropped = 0;
  #untold = 0;
  #timer: NodeJS.Timeout | null = null;
  #isArmed = false;

  constructor(sink: LogSink) {
    this.#sink = sink;
  }

  /** Lines that nobody took. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes one line with its end. */
  write(line: string): void {
    this.#text += line;
    this.#lines++;
    if (this.#text.length >= batchChars) this.#writeBatch();
    else if (this.#timer === null) this.#arm();
  }

  /** Calls back when everything is written, or cannot be, or after two seconds. */
  flush(done: () => void): void {
    this.#writeBatch();
    const stream = this.#stream;
    let isDone = false;
    const finish = () => {
      if (isDone) return;
      isDone = true;
      clearTimeout(timer);
      done();
    };
    const timer = setTimeout(finish, maxFlushMs);
    if (stream === null) finish();
    // Written after all others, and told of as failed together with them.
    else stream.write('', finish);
  }

  #arm(): void {
    if (!this.#isArmed) process.once('exit', () => this.#writeLast());
    this.#isArmed = true;
    this.#timer = setTimeout(() => this.#writeBatch(), flushEveryMs).unref();
  }

  #take(): string {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const text = this.#untold === 0 ? this.#text : droppedLine(this.#untold) + this.#text;
    this.#text = '';
    return text;
  }

  #writeBatch(): void {
    const lines = this.#lines;
    this.#lines = 0;
    const stream = this.#openStream();
    if (stream === null || stream.writableLength > maxUnreadBytes) {
      this.#take();
      this.#dropped += lines;
      this.#untold += lines;
      return;
    }
    const text = this.#take();
    this.#untold = 0;
    if (text !== '') stream.write(text);
  }

  #openStream(): Writable | null {
    if (this.#stream === null && !this.#isBroken) {
      const stream = this.#sink.open();
      this.#stream = stream;
      stream.on('error', (error) => {
        this.#stream = null;
        this.#isBroken = !this.#sink.canReopen(error);
      });
    }
    return this.#stream;
  }

  #writeLast(): void {
    const isStuck = this.#isBroken || (this.#stream !== null && this.#stream.writableLength > 0);
    const text = this.#take();
    if (isStuck || text === '') return;
    try {
      this.#sink.writeLast(text);
    } catch {
      // The process is gone before anybody could be told.
    }
  }
}

function droppedLine(lines: number): string {
  return `{"level":40,"time":"${new Date().toISOString()}","lines":${lines},"msg":"log lines were dropped: nobody took them"}\n`;
}

/**
 * Standard output. Pipes and sockets are written without blocking: a write in Node's thread pool would hold up the
 * exit of the process for as long as nobody reads.
 */
export const standardOutput: LogSink = {
  open() {
    const stat = fstatSync(1);
    if (stat.isFIFO() || stat.isSocket()) return new Socket({ fd: 1, readable: false, writable: true });
    return createWriteStream('', { fd: 1, autoClose: false });
  },
  canReopen: (error) => (error as NodeJS.ErrnoException).code === 'ENOSPC',
  writeLast: (text) => {
    writeSync(1, text);
  },
};
