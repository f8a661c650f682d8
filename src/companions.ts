import type { Activator } from './activation/activator.ts';
import type { ModelSettings } from './config/settings.ts';
import type { PilotlightError } from './core/errors.ts';

/** A model that may be woken for another. */
interface Companion {
  /** Its revision in service. */
  readonly entry: { readonly settings: ModelSettings };
  warm(): void;
}

/** What they are found by. */
export interface CompanionsOptions {
  /** By name or alias; undefined: there is none. */
  find(name: string): Companion | undefined;
  /** A model names one that is not there; told once for a configuration. */
  onMissing(model: string, companion: string): void;
}

/** They are on their way already, or there. */
const awakeStates = ['starting', 'ready'];

/** With these refusals a model was woken nevertheless. */
const wokenCodes: readonly string[] = ['cold', 'would_not_make_it'];

/** Wakes the models of `wakeWith` together with the one that names them. */
export class Companions {
  readonly #options: CompanionsOptions;
  readonly #toldMissing = new Set<string>();

  constructor(options: CompanionsOptions) {
    this.#options = options;
  }

  /** There is another configuration. */
  reset(): void {
    this.#toldMissing.clear();
  }

  /**
   * Wakes a model for a request with this deadline (see `Activator.whenCold`, whose answer it returns), and its
   * companions in the same call, unless it is on its way already.
   */
  wakeWith(
    activator: Pick<Activator, 'wakeInfo' | 'whenCold'>,
    settings: ModelSettings,
    deadlineMs = Number.POSITIVE_INFINITY,
  ): PilotlightError | null {
    const isAlone = settings.wakeWith.length === 0 || awakeStates.includes(activator.wakeInfo().state);
    const refusal = activator.whenCold(deadlineMs);
    if (!isAlone && (refusal === null || wokenCodes.includes(refusal.code))) this.wakeOf(settings);
    return refusal;
  }

  /** Wakes the companions of a model, and theirs: each once, whether they name each other or not. */
  wakeOf({ name, wakeWith }: ModelSettings): void {
    const { find, onMissing } = this.#options;
    const seen = new Set([find(name)]);
    const open = wakeWith.map((companion) => ({ of: name, companion }));
    for (const { of, companion } of open) {
      const found = find(companion);
      const pair = `${of}\n${companion}`;
      if (found === undefined && !this.#toldMissing.has(pair)) {
        this.#toldMissing.add(pair);
        onMissing(of, companion);
      }
      if (found === undefined || seen.has(found)) continue;
      seen.add(found);
      const { settings } = found.entry;
      open.push(...settings.wakeWith.map((next) => ({ of: settings.name, companion: next })));
      found.warm();
    }
  }
}
