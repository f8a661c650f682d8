import { busiestDay, type Day, DayRecorder } from './day.ts';
import { type ModelShape, type Policy, parsePolicy } from './policy.ts';
import { type PolicyFigures, type SimulateOptions, simulate } from './simulate.ts';

/** What a page draws besides the figures of the policies. */
export interface Plots {
  /** The same trace by fixed idle times and by learned ones at several prices, in this order. */
  readonly curve: readonly PolicyFigures[];
  /** One model's day by each of the policies. */
  readonly days: readonly Day[];
}

/** What plots are made of. */
export interface PlotsOptions {
  readonly base: Omit<SimulateOptions, 'policy' | 'day' | 'clock'>;
  readonly shape: ModelShape;
  /** Those that were asked for. */
  readonly policies: readonly Policy[];
  /** Whose day; null: that of the model that was asked most on one day. */
  readonly model: string | null;
}

const curvePolicies = [
  ...['30s', '1m', '2m', '5m', '10m', '20m', '30m', '1h', '2h', '4h'].map((time) => `fixed:${time}`),
  ...['2m', '5m', '10m', '25m', '1h', '2h', '4h'].map((time) => `adaptive:${time}`),
];

/** A played trace, and what is to be drawn of it. Rejects with an Error for people where the model has no such day. */
export class Plotter {
  readonly #options: PlotsOptions;
  readonly #recorders = new Map<Policy, DayRecorder>();

  constructor(options: PlotsOptions) {
    this.#options = options;
    const { base, model, policies } = options;
    const window = busiestDay(base.trace, model, base.judgeFromMs);
    for (const policy of policies) this.#recorders.set(policy, new DayRecorder(window));
  }

  /** What the simulation of a policy is to be given. */
  recorderOf(policy: Policy): DayRecorder | undefined {
    return this.#recorders.get(policy);
  }

  /** Plays what the curve needs besides those that were played. */
  async plots(played: readonly PolicyFigures[]): Promise<Plots> {
    const { base, shape } = this.#options;
    const curve: PolicyFigures[] = [];
    for (const name of curvePolicies) {
      const known = played.find(({ policy }) => policy === name);
      curve.push(known ?? (await simulate({ ...base, policy: parsePolicy(name, shape) })));
    }
    return { curve, days: [...this.#recorders].map(([{ name }, recorder]) => recorder.day(name)) };
  }
}
