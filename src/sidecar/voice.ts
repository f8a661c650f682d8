import type { PilotlightError } from '../core/errors.ts';
import type { Dialect } from '../core/protocol.ts';
import { anthropicDialect, openaiDialect, responsesDialect } from '../protocols/dialects.ts';
import type { OwnAnswer } from '../relay/traffic.ts';
import { errorAnswer, textAnswer } from './answers.ts';

/** How a client is told that the sidecar ended its request. */
export interface Voice {
  /** In place of the app's answer. `target`: the request's path and query. */
  answer(error: PilotlightError, target: string): OwnAnswer;
  /** The last event of a stream that is cut; null: none. */
  event(error: PilotlightError, target: string): string | null;
}

const queueFull = errorAnswer(503, 'pending request queue full');
const timeout = textAnswer(504, 'request timeout');

/**
 * To the letter of queue-proxy, but that a stream which is cut says so: an error event in the dialect of the API that its
 * path belongs to.
 */
export const plainVoice: Voice = {
  answer(error) {
    switch (error.code) {
      case 'queue_full':
      case 'memory_full':
        return queueFull;
      case 'backend_timeout':
      case 'queue_timeout':
      case 'would_not_make_it':
        return timeout;
      default:
        return errorAnswer(error.spec.status, error.message);
    }
  },
  event: (error, target) => dialectOf(target).renderStreamError(error),
};

/** The dialect of an API by its path, whatever stands before /v1; OpenAI's where it is none that is known. */
export function dialectOf(target: string): Dialect {
  if (/\/v1\/messages(?:[/?]|$)/.test(target)) return anthropicDialect;
  return /\/v1\/responses(?:[/?]|$)/.test(target) ? responsesDialect : openaiDialect;
}
