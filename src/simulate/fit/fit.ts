import type { Clock } from '../../core/clock.ts';
import { cutAt } from '../cut-trace.ts';
import type { ModelShape } from '../policy.ts';
import { type PolicyFigures, type SimulateOptions, simulate } from '../simulate.ts';
import { type Family, familiesOf, type Setting } from './families.ts';
import { proposalOf } from './proposal.ts';
import { firstEnough } from './search.ts';
import { isMet, type Target } from './target.ts';

/** What is looked for, and in what. `base.judgeFromMs` parts what is learned from and what is judged. */
export interface FitOptions {
  readonly base: Omit<SimulateOptions, 'policy' | 'day' | 'clock'>;
  readonly shape: ModelShape;
  readonly target: Target;
  /** Tells how long it took. */
  readonly clock: Clock;
}

/** What was found. */
export interface Fit {
  readonly target: string;
  readonly by: string;
  /** Of the part that settings were chosen on, and of the one that they were judged on. */
  readonly learnedDays: number;
  readonly judgedDays: number;
  /** Simulations that the search took, and seconds. */
  readonly played: number;
  readonly tookS: number;
  /** The best of each kind, the proposed one first. */
  readonly options: readonly FitOption[];
  /** Where not even a replica that is always there keeps the limits: how many would, up to 16; null: they do, or not even those. */
  readonly replicasNeeded: number | null;
  /** The configuration that is proposed. */
  readonly yaml: string;
}

/** The best settings of one kind. */
export interface FitOption {
  readonly kind: string;
  readonly setting: string;
  readonly learned: PolicyFigures;
  readonly isLearnedMet: boolean;
  readonly judged: PolicyFigures;
  readonly isJudgedMet: boolean;
}

interface Choice {
  readonly kind: string;
  readonly setting: Setting;
  readonly learned: PolicyFigures;
  readonly isLearnedMet: boolean;
}

const msPerDay = 86_400_000;
const mostReplicas = 16;
/** Settings for each model have more to choose by: what they gain has to be more than this share. */
const leastGain = 0.01;

/** Looks for settings that keep the limits on the part before `judgeFromMs`, and tells what they make of the rest. */
export async function fitSettings(options: FitOptions): Promise<Fit> {
  return new Fitting(options).run();
}

class Fitting {
  readonly #options: FitOptions;
  readonly #early: SimulateOptions['trace'];
  readonly #figuresBySetting = new Map<Setting, PolicyFigures>();
  #played = 0;

  constructor(options: FitOptions) {
    this.#options = options;
    this.#early = cutAt(options.base.trace, options.base.judgeFromMs);
    if (this.#early.count === 0)
      throw new Error('there is no request to choose settings by before the part that is judged');
  }

  async run(): Promise<Fit> {
    const { base, shape, target, clock } = this.#options;
    const beganMs = clock.nowMs();
    const choices: Choice[] = [];
    for (const family of familiesOf(this.#early, shape)) choices.push(await this.#bestOf(family));
    const isPossible = choices.some(({ isLearnedMet }) => isLearnedMet);
    const replicasNeeded = isPossible ? null : await this.#replicasNeeded();
    const [first, ...others] = this.#inOrder(choices);
    const options: FitOption[] = [];
    for (const choice of [first!, ...others]) options.push(await this.#judged(choice));
    return {
      target: target.text,
      by: target.by.name,
      learnedDays: this.#learnedDays,
      judgedDays: this.#judgedDays,
      played: this.#played,
      tookS: Math.round((clock.nowMs() - beganMs) / 100) / 10,
      options,
      replicasNeeded,
      yaml: proposalOf(base.trace.models, first!.setting, shape),
    };
  }

  get #learnedDays(): number {
    return this.#options.base.judgeFromMs / msPerDay;
  }

  get #judgedDays(): number {
    const { trace, judgeFromMs } = this.#options.base;
    return Math.max(1, trace.endMs - judgeFromMs) / msPerDay;
  }

  /** Of a kind: the one with the fewest hours that waits little enough, or the one that waits least within the hours. */
  async #bestOf({ name, settings }: Family): Promise<Choice> {
    const { limits, by } = this.#options.target;
    const keeps = async (at: number, isWait: boolean) => {
      const figures = await this.#learned(settings[at]!);
      return limits
        .filter(({ aim }) => aim.isWait === isWait)
        .every(({ aim, below }) => aim.valueOf(figures, this.#learnedDays) < below);
    };
    const { length: count } = settings;
    let at: number;
    if (by.isWait) {
      const tooMany = await firstEnough({ count, isEnough: async (one) => !(await keeps(one, false)) });
      at = Math.max(0, tooMany - 1);
    } else {
      const enough = await firstEnough({ count, isEnough: (one) => keeps(one, true) });
      at = Math.min(count - 1, enough);
    }
    const setting = settings[at]!;
    const learned = await this.#learned(setting);
    const isLearnedMet = isMet(this.#options.target, learned, this.#learnedDays);
    return { kind: name, setting, learned, isLearnedMet };
  }

  /** Those that keep the limits first, then by what there is to be little of; the simpler one of about equal ones. */
  #inOrder(choices: readonly Choice[]): Choice[] {
    const { by, limits } = this.#options.target;
    const aimedOf = ({ learned }: Choice) => by.valueOf(learned, this.#learnedDays);
    // What misses: by how much, of the limit that it misses by the most.
    const missOf = ({ learned }: Choice) =>
      Math.max(...limits.map(({ aim, below }) => aim.valueOf(learned, this.#learnedDays) / below));
    const rankOf = (choice: Choice) => (choice.isLearnedMet ? aimedOf(choice) : missOf(choice));
    const weightOf = (choice: Choice) =>
      rankOf(choice) * (choices.indexOf(choice) === choices.length - 1 ? 1 + leastGain : 1);
    return choices.toSorted(
      (a, b) => Number(b.isLearnedMet) - Number(a.isLearnedMet) || weightOf(a) - weightOf(b),
    );
  }

  async #learned(setting: Setting): Promise<PolicyFigures> {
    const known = this.#figuresBySetting.get(setting);
    if (known !== undefined) return known;
    const { base } = this.#options;
    const figures = await this.#play({ ...base, trace: this.#early, policy: setting.policy, judgeFromMs: 0 });
    this.#figuresBySetting.set(setting, figures);
    return figures;
  }

  async #judged({ kind, setting, learned, isLearnedMet }: Choice): Promise<FitOption> {
    const { base, target } = this.#options;
    const judged = await this.#play({ ...base, policy: setting.policy });
    const isJudgedMet = isMet(target, judged, this.#judgedDays);
    return { kind, setting: setting.text, learned, isLearnedMet, judged, isJudgedMet };
  }

  async #replicasNeeded(): Promise<number | null> {
    const { base, shape, target } = this.#options;
    for (let max = shape.max * 2; max <= mostReplicas; max *= 2) {
      const always = familiesOf(this.#early, { ...shape, max })[0]!.settings.at(-1)!;
      const figures = await this.#play({
        ...base,
        trace: this.#early,
        policy: always.policy,
        judgeFromMs: 0,
      });
      if (isMet(target, figures, this.#learnedDays)) return max;
    }
    return null;
  }

  #play(options: SimulateOptions): Promise<PolicyFigures> {
    this.#played++;
    return simulate(options);
  }
}
