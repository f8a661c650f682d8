import type { TextLine } from '../text-lines.ts';
import { type BatchFault, type BatchRow, isFault, readRow } from './batch-row.ts';

/** Most requests of one batch, as OpenAI's. */
export const maxRows = 50_000;

/** Faults that are told of one batch; a file with more is read no further. */
const maxFaults = 100;

/** What the rows of a batch must fit. */
export interface BatchCheckOptions {
  readonly endpoint: string;
  /** Whether all rows must name the same model (`limits: original`). */
  readonly isOneModel: boolean;
  /** Why a model cannot be had; null: it can. */
  readonly modelFault: (model: string) => string | null;
}

/** What an input file was found to be. */
export interface BatchVerdict {
  readonly rows: number;
  /** The model of all rows; null: there are several. */
  readonly model: string | null;
  /** Empty: the file is good. */
  readonly faults: readonly BatchFault[];
}

/** Looks at an input file line by line, with OpenAI's errors; holds the ids it saw and the first hundred faults. */
export class BatchCheck {
  readonly #options: BatchCheckOptions;
  readonly #ids = new Set<string>();
  readonly #models = new Set<string>();
  readonly #faults: BatchFault[] = [];
  #rows = 0;

  constructor(options: BatchCheckOptions) {
    this.#options = options;
  }

  /** Takes the next line; returns whether the rest of the file matters. An empty line is none. */
  take(line: TextLine): boolean {
    if (line.bytes?.length === 0) return true;
    this.#rows += 1;
    if (this.#rows > maxRows) {
      this.#faults.push({
        code: 'too_many_tasks',
        message: `The batch has more than ${maxRows} requests.`,
        param: null,
        line: line.number,
      });
      return false;
    }
    const read = readRow(line, this.#options.endpoint);
    const fault = isFault(read) ? read : this.#faultOf(read, line.number);
    if (fault !== null) this.#faults.push(fault);
    return this.#faults.length < maxFaults;
  }

  /** What came of all lines. */
  verdict(): BatchVerdict {
    if (this.#rows === 0) {
      const empty = {
        code: 'empty_file',
        message: 'The input file has no requests.',
        param: null,
        line: null,
      };
      return { rows: 0, model: null, faults: [empty] };
    }
    const [model] = this.#models;
    const isOne = this.#models.size === 1 && model !== undefined;
    return { rows: this.#rows, model: isOne ? model : null, faults: this.#faults };
  }

  #faultOf(row: BatchRow, line: number): BatchFault | null {
    const { customId, model } = row;
    if (this.#ids.has(customId)) {
      const message = `The custom_id '${customId}' for this request is a duplicate of another request. The custom_id parameter must be unique for each request in a batch.`;
      return { code: 'duplicate_custom_id', message, param: 'custom_id', line };
    }
    this.#ids.add(customId);
    const known = this.#modelFault(model);
    if (known !== null) return { code: 'model_not_found', message: known, param: 'body.model', line };
    const [first] = this.#models;
    if (this.#options.isOneModel && model !== first) {
      const message = `The model '${model}' is not '${first}', which the requests before name; a batch has one model.`;
      return { code: 'model_mismatch', message, param: 'body.model', line };
    }
    return null;
  }

  /** Asked once for each name: rows are many, models few. Names of models that there are not are not kept: they may be as many. */
  #modelFault(model: string): string | null {
    if (this.#models.has(model)) return null;
    const fault = this.#options.modelFault(model);
    if (fault === null) this.#models.add(model);
    return fault;
  }
}
