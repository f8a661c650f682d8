import { instantOf, numberOf, row, type TraceFormat } from './trace-format.ts';

/** The fields of a CSV record (RFC 4180). */
function csvFields(record: string): string[] {
  if (!record.includes('"')) return record.split(',');
  const fields: string[] = [];
  const field = /("[^"]*(?:""[^"]*)*"|[^,]*)(,|$)/gy;
  for (;;) {
    const [, text = '', end] = field.exec(record) ?? [];
    fields.push(text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text);
    if (end !== ',') return fields;
  }
}

/** What gives the fields of a record that have these names, in their order; null where a name is missing. */
function columnsOf(header: string, names: readonly string[]): ((record: string) => string[]) | null {
  const columns = csvFields(header.replace(/^\uFEFF/, '')).map((name) => name.trim());
  const places = names.map((name) => columns.indexOf(name));
  if (places.includes(-1)) return null;
  return (record) => {
    const fields = csvFields(record);
    return places.map((place) => fields[place] ?? '');
  };
}

/** Seconds since the trace began, a model, and how long it worked. */
export const plainCsv: TraceFormat = {
  name: 'csv',
  looks: 'a CSV file with the columns arrival_s, model, exec_s',
  origin: 'first',
  hasHeader: true,
  reader(header, options) {
    const columns = columnsOf(header, ['arrival_s', 'model', 'exec_s']);
    if (columns === null) return null;
    return (record) => {
      const [arrivalS, model = '', execS] = columns(record);
      return row(model.trim() || options.model, numberOf(arrivalS) * 1000, numberOf(execS) * 1000);
    };
  },
};

/** The traces of the Azure Public Dataset (AzureLLMInferenceTrace_*.csv): tokens instead of times, and no model. */
export const azureCsv: TraceFormat = {
  name: 'azure',
  looks: 'a CSV file with the columns TIMESTAMP, ContextTokens, GeneratedTokens',
  origin: 'epoch',
  hasHeader: true,
  reader(header, { model, tokens }) {
    const columns = columnsOf(header, ['TIMESTAMP', 'ContextTokens', 'GeneratedTokens']);
    if (columns === null) return null;
    return (record) => {
      const [instant = '', prompt, answer] = columns(record);
      const execS = numberOf(prompt) / tokens.prompt + numberOf(answer) / tokens.answer;
      return row(model, instantOf(instant), execS * 1000);
    };
  },
};

/** The table LiteLLM_SpendLogs as CSV. An answer out of LiteLLM's cache never came to a model. */
export const litellmCsv: TraceFormat = {
  name: 'litellm csv',
  looks: 'a CSV export of LiteLLM_SpendLogs (startTime, endTime, model)',
  origin: 'epoch',
  hasHeader: true,
  reader(header, options) {
    const columns = columnsOf(header, ['startTime', 'endTime', 'model']);
    if (columns === null) return null;
    const group = columnsOf(header, ['model_group']);
    const cache = columnsOf(header, ['cache_hit']);
    return (record) => {
      const [startTime, endTime, model] = columns(record);
      const [model_group] = group?.(record) ?? [];
      const [cache_hit] = cache?.(record) ?? [];
      return spendRow({ startTime, endTime, model, model_group, cache_hit }, options.model);
    };
  },
};

/** What of a spend log's entry is read. */
export interface SpendEntry {
  readonly startTime?: string | undefined;
  readonly endTime?: string | undefined;
  readonly model?: string | undefined;
  /** The name by which the client asked. */
  readonly model_group?: string | undefined;
  readonly cache_hit?: string | undefined;
}

/** A request of LiteLLM's spend log, of whatever export. `unnamed` where it names no model. */
export function spendRow(entry: SpendEntry, unnamed: string) {
  if (entry.cache_hit?.toLowerCase() === 'true') return 'other';
  const startMs = instantOf(entry.startTime ?? '');
  return row(entry.model_group || entry.model || unnamed, startMs, instantOf(entry.endTime ?? '') - startMs);
}
