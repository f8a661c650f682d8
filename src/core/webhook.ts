/** Who is told of what: one POST, the same id each time it is tried. */
export interface WebhookMessage {
  /** `webhook-id`: by it the receiver knows a repetition. */
  readonly id: string;
  readonly url: string;
  /** JSON. */
  readonly body: string;
  /** Each gives a signature of its own (`whsec_...`): more than one while a secret is rotated. */
  readonly secrets: readonly string[];
}

/** What came of a try. */
export type WebhookOutcome =
  /** Answered with 2xx. */
  | { readonly kind: 'delivered'; readonly status: number }
  | {
      readonly kind: 'failed';
      /** null: there was no answer. */
      readonly status: number | null;
      /** For the log, in one line; without the url, which may hold a secret. */
      readonly reason: string;
      /** What the receiver asked for; null: it asked for nothing. */
      readonly retryAfterMs: number | null;
      /** It is not tried again: the receiver is gone (410), or the url is none that webhooks go to. */
      readonly isFinal: boolean;
    };

/** Sends webhooks (src/webhooks), where they may go to. */
export interface WebhookSender {
  /** Why no webhook goes to this url whatever its name resolves to, in words for its client; null: it may. Looks nothing up. */
  fault(url: string): string | null;
  /** One try; never rejects. Aborting ends it as failed. */
  send(message: WebhookMessage, signal: AbortSignal): Promise<WebhookOutcome>;
}
