import { envoyLog, nginxLog } from './access-log-formats.ts';
import { azureCsv, litellmCsv, plainCsv } from './csv-formats.ts';
import { gatewayLog, litellmJson } from './json-formats.ts';
import { JsonArraySplitter, LineSplitter, type Splitter, type TraceRecord } from './text-source.ts';
import type { TraceBuilder } from './trace.ts';
import type { FormatOptions, Reading, TraceFormat } from './trace-format.ts';

/** Every format that can be read; the first that knows a record reads the file. */
export const traceFormats: readonly TraceFormat[] = [
  plainCsv,
  azureCsv,
  litellmCsv,
  litellmJson,
  gatewayLog,
  nginxLog,
  envoyLog,
];

/** A log may begin in the middle of a line, or with lines of another kind. */
const recordsLookedAt = 20;

/** Takes the text of one file, finds its format by its first records, and adds its requests to a builder. */
export class TraceReader {
  requests = 0;
  /** Records that are right and no requests to a model. */
  others = 0;
  malformed = 0;
  /** From 1; null: none. */
  firstMalformedLine: number | null = null;
  readonly #builder: TraceBuilder;
  readonly #options: FormatOptions;
  #splitter: Splitter | null = null;
  /** Until the format is known. */
  #early: TraceRecord[] = [];
  #format: TraceFormat | null = null;
  #read: ((record: string) => Reading) | null = null;

  constructor(builder: TraceBuilder, options: FormatOptions) {
    this.#builder = builder;
    this.#options = options;
  }

  /** null until it is found. */
  get format(): TraceFormat | null {
    return this.#format;
  }

  /** The next piece of text; false: no format knows it, and more would not help. */
  push(piece: string): boolean {
    if (this.#splitter === null && piece.trim() === '') return true;
    this.#splitter ??= splitterOf(piece, this.#options);
    this.#take(this.#splitter.push(piece));
    return this.#read !== null || this.#early.length < recordsLookedAt;
  }

  /** There is no more. */
  end(): void {
    this.#take(this.#splitter?.end() ?? []);
    if (this.#read === null) this.#choose();
  }

  #take(records: readonly TraceRecord[]): void {
    for (const record of records) {
      if (this.#read !== null) this.#readOne(record);
      else if (this.#early.length < recordsLookedAt && this.#early.push(record) === recordsLookedAt)
        this.#choose();
    }
  }

  #choose(): void {
    const early = this.#early;
    for (const [index, { text }] of early.entries()) {
      for (const format of traceFormats) {
        // A header stands at the very beginning.
        const read = format.hasHeader && index > 0 ? null : format.reader(text, this.#options);
        if (read === null) continue;
        this.#format = format;
        this.#read = read;
        for (const record of format.hasHeader ? early.slice(1) : early) this.#readOne(record);
        this.#early = [];
        return;
      }
    }
  }

  #readOne({ text, line }: TraceRecord): void {
    const reading = this.#read!(text);
    if (reading === 'malformed') {
      this.malformed++;
      this.firstMalformedLine ??= line;
    } else if (reading === 'other') this.others++;
    else {
      this.requests++;
      this.#builder.add(reading, this.#format!.origin);
    }
  }
}

function splitterOf(piece: string, options: FormatOptions): Splitter {
  const start = piece.trimStart();
  if (/^\[\s*[{\]]/.test(start)) return new JsonArraySplitter();
  const header = start.split('\n', 1)[0]!.trimEnd();
  const isCsv = traceFormats.some(
    (format) => format.hasHeader === true && format.reader(header, options) !== null,
  );
  return new LineSplitter({ isCsv });
}
