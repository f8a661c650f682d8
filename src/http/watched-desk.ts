import type { Clock } from '../core/clock.ts';
import type { Ask, Desk, DeskAnswer, DeskModel, JobDesk } from '../core/desk.ts';

/** What a surface did at the desk for one request, for the request's line in the log and its timings. */
export interface DeskUse {
  /** Name of the last model that was asked for; null: none. */
  readonly model: string | null;
  /** In the queue while the model was ready, and while it was not. */
  readonly waitMs: number;
  readonly coldMs: number;
  /** From asking to the head of the backend's answer, without the wait. */
  readonly backendMs: number;
  /** `nowMs` of that head; null: there was none. */
  readonly headAtMs: number | null;
}

/** The desk of one request, which notes what is asked for there. */
export class WatchedDesk implements Desk {
  readonly #desk: Desk;
  readonly #clock: Clock;
  #use: DeskUse = { model: null, waitMs: 0, coldMs: 0, backendMs: 0, headAtMs: null };

  constructor(desk: Desk, clock: Clock) {
    this.#desk = desk;
    this.#clock = clock;
  }

  get use(): DeskUse {
    return this.#use;
  }

  get jobs(): JobDesk {
    return this.#desk.jobs;
  }

  wallMs(): number {
    return this.#desk.wallMs();
  }

  models(): readonly DeskModel[] {
    return this.#desk.models();
  }

  model(name: string): DeskModel {
    const model = this.#desk.model(name);
    this.#use = { ...this.#use, model: model.name };
    return model;
  }

  async ask(request: Ask): Promise<DeskAnswer> {
    const { model } = request;
    this.#use = { ...this.#use, model };
    const askedAtMs = this.#clock.nowMs();
    const answer = await this.#desk.ask(request);
    const { waitMs, coldMs } = answer;
    const headAtMs = this.#clock.nowMs();
    const backendMs = Math.max(0, headAtMs - askedAtMs - waitMs);
    this.#use = { model, waitMs: Math.max(0, waitMs - coldMs), coldMs, backendMs, headAtMs };
    return answer;
  }
}
