import { isEventEnd } from '../forward/event-end.ts';

/** How much of a stream tells whether an event ended: CR, LF before the last LF. */
const tailBytes = 3;

/** Knows whether what was passed on of a stream of events stands between two of them, however it was cut into pieces. */
export class EventEdge {
  readonly #tail = Buffer.alloc(tailBytes);
  #isEmpty = true;

  /** What was passed on. The bytes are not kept. */
  push(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#isEmpty = false;
    const taken = Math.min(tailBytes, bytes.length);
    this.#tail.copyWithin(0, taken);
    bytes.copy(this.#tail, tailBytes - taken, bytes.length - taken);
  }

  /** Whether an event may be written here: nothing was passed on, or the end of an event. */
  get isBetweenEvents(): boolean {
    return this.#isEmpty || isEventEnd(this.#tail, tailBytes);
  }
}
