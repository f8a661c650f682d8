import type { Dispatcher } from 'undici';

type Handler = Dispatcher.DispatchHandler;
type Controller = Dispatcher.DispatchController;

/** Passes all on; a request that may not be sent any more is aborted in the moment in which it has a connection. */
class InTime implements Handler {
  readonly #handler: Handler;
  readonly #refusal: () => Error | null;

  constructor(handler: Handler, refusal: () => Error | null) {
    this.#handler = handler;
    this.#refusal = refusal;
  }

  onRequestStart(controller: Controller, context: unknown): void {
    this.#handler.onRequestStart?.(controller, context);
    const refused = this.#refusal();
    if (refused !== null) controller.abort(refused);
  }

  onRequestUpgrade(...told: Parameters<Required<Handler>['onRequestUpgrade']>): void {
    this.#handler.onRequestUpgrade?.(...told);
  }

  onResponseStart(...told: Parameters<Required<Handler>['onResponseStart']>): void {
    this.#handler.onResponseStart?.(...told);
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    this.#handler.onResponseData?.(controller, chunk);
  }

  onResponseEnd(...told: Parameters<Required<Handler>['onResponseEnd']>): void {
    this.#handler.onResponseEnd?.(...told);
  }

  onResponseError(controller: Controller, error: Error): void {
    this.#handler.onResponseError?.(controller, error);
  }
}

/**
 * An interceptor of undici that asks `refusal` right before a request is written: an error in place of null rejects the
 * request with it, and nothing is sent. A timer cannot do that: in a process that was frozen (suspended, starved) the
 * connection that the request waited for is seen before the timer that fell due meanwhile.
 */
export const inTime =
  (refusal: () => Error | null): Dispatcher.DispatcherComposeInterceptor =>
  (dispatch) =>
  (options, handler) =>
    dispatch(options, new InTime(handler, refusal));
