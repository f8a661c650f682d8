import type { OwnAnswer } from '../relay/traffic.ts';
import { emptyAnswer, errorAnswer, textAnswer } from './answers.ts';
import type { RequestFacts } from './request-facts.ts';

const ready = textAnswer(200, 'queue');
const notReady = emptyAnswer(503);
const shuttingDown = errorAnswer(503, 'shutting down');
const noHash = errorAnswer(400, 'a probe request must contain a non-empty "K-Network-Hash" header');

/** What the answer to a probe depends on. */
export interface ProbeState {
  readonly isDraining: boolean;
  /** Whether the app is ready; asked at most once at a time, however many ask. Must not reject. */
  isReady(): Promise<boolean>;
}

/**
 * The answer to a probe, or null: the request is none, and is the app's. The handshakes are those of knative.dev/pkg's
 * Drainer and of serving/pkg/queue/health.
 */
export function answerProbe(facts: RequestFacts, state: ProbeState): OwnAnswer | Promise<OwnAnswer> | null {
  if (facts.isHealthCheck) {
    if (state.isDraining) return shuttingDown;
    if (facts.networkProbe !== 'queue') {
      return errorAnswer(400, `unexpected probe header value: ${facts.networkProbe}`);
    }
    return state.isReady().then((isReady) => (isReady ? ready : notReady));
  }
  if (!facts.isNetworkProbe) return null;
  if (state.isDraining) return shuttingDown;
  const { networkHash } = facts;
  return networkHash === '' ? noHash : emptyAnswer(200, ['k-network-hash', networkHash]);
}
