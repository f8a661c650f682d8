import { PilotlightError } from '../core/errors.ts';
import type { RawFault } from './issues.ts';
import { formatPath } from './path.ts';
import { overridden, patched, type ScaleOverrides, scaleDocument } from './scale-override.ts';
import type { ModelSettings } from './settings.ts';

/** `scale` of a model as operators see it. */
export interface ScaleView {
  readonly model: string;
  /** As it holds, in the words of the file, every default filled in. */
  readonly scale: object;
  /** What of it was changed at run time. */
  readonly overrides: ScaleOverrides;
  /** Why `overrides` do not hold: they do not go together with what is written now; null: they hold. */
  readonly overridesFault: string | null;
}

/**
 * What an operator changed of a model's `scale` while it runs, laid over what is written. It outlives a change of the
 * file: where it does not go together with that, what is written holds, until one of the two is changed.
 */
export class RunTimeScale {
  #written: ModelSettings;
  #settings: ModelSettings;
  #overrides: ScaleOverrides = {};
  #fault: string | null = null;

  /** `written`: the model as the file (or its object) has it. */
  constructor(written: ModelSettings) {
    this.#written = written;
    this.#settings = written;
  }

  get overrides(): ScaleOverrides {
    return this.#overrides;
  }

  /** As `ScaleView.overridesFault`. */
  get fault(): string | null {
    return this.#fault;
  }

  view(): ScaleView {
    return {
      model: this.#settings.name,
      scale: scaleDocument(this.#settings),
      overrides: this.#overrides,
      overridesFault: this.#fault,
    };
  }

  /** The file (or the object) changed. Returns the settings that hold. */
  take(written: ModelSettings): ModelSettings {
    const reading = overridden(written, this.#overrides);
    this.#written = written;
    this.#fault = 'faults' in reading ? wordsOf(reading.faults) : null;
    this.#settings = 'faults' in reading ? written : reading.settings;
    return this.#settings;
  }

  /**
   * Takes a JSON Merge Patch (RFC 7396) of `scale`; null takes a key back to what is written. Returns the settings that
   * hold; throws invalid_settings, and nothing has changed then.
   */
  patch(patch: unknown): ModelSettings {
    if (typeof patch !== 'object' || patch === null || Array.isArray(patch))
      throw new PilotlightError('invalid_settings', 'scale: must be a map of keys of scale', {
        param: 'scale',
      });
    const overrides = patched(this.#overrides, patch as ScaleOverrides);
    const reading = overridden(this.#written, overrides);
    if ('faults' in reading) {
      const param = formatPath(reading.faults[0]!.path);
      throw new PilotlightError('invalid_settings', wordsOf(reading.faults), { param });
    }
    this.#overrides = overrides;
    this.#fault = null;
    this.#settings = reading.settings;
    return this.#settings;
  }

  /** All is as written again. Returns the settings that hold. */
  reset(): ModelSettings {
    this.#overrides = {};
    return this.take(this.#written);
  }
}

/** `scale.min: must be at most scale.max, which is 1; ...`. */
function wordsOf(faults: readonly RawFault[]): string {
  return faults
    .map(({ path, message, hint }) => `${formatPath(path)}: ${message}${hint === null ? '' : ` (${hint})`}`)
    .join('; ');
}
