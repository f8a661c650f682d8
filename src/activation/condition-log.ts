import type { TargetCondition } from '../core/driver.ts';
import type { OnActivationEvent } from './events.ts';

/** Tells of conditions of a target that come up, change their message or go. */
export class ConditionLog {
  readonly #onEvent: OnActivationEvent;
  #messages = new Map<string, string>();

  constructor(onEvent: OnActivationEvent) {
    this.#onEvent = onEvent;
  }

  update(conditions: readonly TargetCondition[] = []): void {
    const before = this.#messages;
    this.#messages = new Map(conditions.map(({ type, message }) => [type, message]));
    for (const [condition, message] of this.#messages)
      if (before.get(condition) !== message)
        this.#onEvent({ type: 'condition', condition, message, isPresent: true });
    for (const [condition, message] of before)
      if (!this.#messages.has(condition))
        this.#onEvent({ type: 'condition', condition, message, isPresent: false });
  }
}
