import type { Crossing, LaneRequest, Traffic } from '../relay/traffic.ts';
import { SidecarCrossing } from './crossing.ts';
import type { CrossingParts } from './crossing-parts.ts';
import type { Drainer } from './drainer.ts';
import { OwnCrossing } from './own-traffic.ts';
import { answerProbe, type ProbeState } from './probe-answers.ts';
import { readFacts } from './request-facts.ts';

/** What the traffic of the serving ports needs beyond its crossings. */
export interface TrafficParts extends CrossingParts {
  readonly drainer: Drainer;
  /** Whether the app is ready. Must not reject. */
  isReady(): Promise<boolean>;
  /** Told of each probe that was answered here. */
  onProbe(request: LaneRequest, status: number, bytes: number): void;
  /** An answer of ours could not be made. */
  onFailed(error: unknown): void;
}

/**
 * What comes to the serving ports, in the order of the original's chain (sharedmain/handlers.go): health probes, probes of
 * the network, and then what is the app's, by time-outs, statistics and gate.
 */
export class SidecarTraffic implements Traffic {
  readonly #parts: TrafficParts;
  readonly #probed: ProbeState;

  constructor(parts: TrafficParts) {
    this.#parts = parts;
    this.#probed = {
      get isDraining() {
        return parts.drainer.isDraining;
      },
      isReady: () => parts.isReady(),
    };
  }

  take(request: LaneRequest): Crossing {
    const parts = this.#parts;
    const facts = readFacts(request.head.fields);
    const answer = answerProbe(facts, this.#probed);
    if (answer !== null) {
      return new OwnCrossing(request, answer, {
        onEnd: (sent) => parts.onProbe(request, sent?.status ?? 0, sent?.body.length ?? 0),
        onFailed: (error) => parts.onFailed(error),
      });
    }
    parts.drainer.noteRequest();
    const crossing = new SidecarCrossing(parts, request, facts);
    crossing.begin();
    return crossing;
  }
}
