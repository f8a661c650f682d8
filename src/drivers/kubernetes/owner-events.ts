import type { EventView } from './fault-events.ts';
import { judgeOwner } from './fault-owner.ts';
import type { Verdict } from './fault-verdict.ts';

const maxEvents = 20;

/** What the controllers of a target told since its count was changed here; the last twenty events. */
export class OwnerEvents {
  #events: EventView[] = [];

  take(event: EventView): void {
    const others = this.#events.filter(({ uid }) => uid !== event.uid);
    this.#events = [...others, event].slice(-maxEvents);
  }

  clear(): void {
    this.#events = [];
  }

  /** Why they will never create a pod, or null. */
  get verdict(): Verdict | null {
    const verdict = judgeOwner(this.#events);
    return verdict?.isTerminal === true ? verdict : null;
  }
}
