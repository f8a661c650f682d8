const field = 'data:';
/** The last event of OpenAI's streams, which holds no token. */
const done = 'data: [DONE]';

/** Counts the events with data of a stream (HTML 9.2.6), however it is cut into pieces. */
export class EventCount {
  /** The beginning of a line that the last piece ended in; as much of it as tells. */
  #line = '';
  count = 0;

  /** The next piece, in latin1. */
  push(piece: string): void {
    const text = this.#line + piece;
    let at = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', at)) {
      if (text.startsWith(field, at) && !text.startsWith(done, at)) this.count++;
      at = end + 1;
    }
    this.#line = text.slice(at, at + done.length);
  }
}
