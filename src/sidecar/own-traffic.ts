import type { FlatHeaders } from '../forward/headers.ts';
import type { Crossing, LaneEnd, LaneHead, LaneRequest, OwnAnswer, Traffic } from '../relay/traffic.ts';
import { emptyAnswer } from './answers.ts';

/** What ends a request that is answered here. */
type OnEnd = (answer: OwnAnswer | null, end: LaneEnd) => void;

/** A request that no backend sees: it is answered here, at once or when the answer is known. */
export class OwnCrossing implements Crossing {
  readonly #request: LaneRequest;
  readonly #onEnd: OnEnd | null;
  #answer: OwnAnswer | null = null;

  /** A promise that rejects is answered with 500, and told to `onFailed`. */
  constructor(
    request: LaneRequest,
    answer: OwnAnswer | Promise<OwnAnswer>,
    { onEnd = null, onFailed }: { onEnd?: OnEnd | null; onFailed(error: unknown): void },
  ) {
    this.#request = request;
    this.#onEnd = onEnd;
    if (!(answer instanceof Promise)) this.#send(answer);
    else {
      answer.then(
        (known) => this.#send(known),
        (error: unknown) => {
          onFailed(error);
          this.#send(emptyAnswer(500));
        },
      );
    }
  }

  onHead(_status: number, fields: FlatHeaders): FlatHeaders {
    return fields;
  }

  onBytes(): void {
    // There is no backend.
  }

  onUpload(): void {
    // Its body goes nowhere.
  }

  onBroken(): OwnAnswer {
    return emptyAnswer(500);
  }

  brokenEvent(): string | null {
    return null;
  }

  onEnd(end: LaneEnd): void {
    this.#onEnd?.(this.#answer, end);
  }

  #send(answer: OwnAnswer): void {
    this.#answer = answer;
    this.#request.answer(answer);
  }
}

/** A port all of whose requests are answered here. */
export function ownTraffic(
  answer: (head: LaneHead) => OwnAnswer | Promise<OwnAnswer>,
  onFailed: (error: unknown) => void,
): Traffic {
  return { take: (request) => new OwnCrossing(request, answer(request.head), { onFailed }) };
}
