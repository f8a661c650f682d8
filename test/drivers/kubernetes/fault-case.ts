import type { EventView } from '../../../src/drivers/kubernetes/fault-events.ts';
import type { PodView } from '../../../src/drivers/kubernetes/pod-view.ts';

/** What is to be said of a pod that is not ready, 30 s after it was bound or refused, with 2 min for capacity. */
export interface FaultCase {
  readonly name: string;
  readonly pod: PodView;
  readonly events?: EventView[];
  readonly fault?: string;
  readonly isTerminal: boolean;
  readonly says: string;
}
