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

/** A reader by the names of columns; null where one of them is missing. */
function columnsOf<Name extends string>(
  header: string,
  names: readonly Name[],
): ((record: string) => Record<Name, string | undefined>) | null {
  const columns = csvFields(header.replace(/^\uFEFF/, '')).map((name) => name.trim());
  const places = names.map((name) => [name, columns.indexOf(name)] as const);
  if (places.some(([, place]) => place === -1)) return null;
  return (record) => {
    const fields = csvFields(record);
    return Object.fromEntries(places.map(([name, place]) => [name, fields[place]])) as Record<
      Name,
      string | undefined
    >;
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
      const { arrival_s, model = '', exec_s } = columns(record);
      return row(model.trim() || options.model, numberOf(arrival_s) * 1000, numberOf(exec_s) * 1000);
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
      const { TIMESTAMP = '', ContextTokens, GeneratedTokens } = columns(record);
      const execS = numberOf(ContextTokens) / tokens.prompt + numberOf(GeneratedTokens) / tokens.answer;
      return row(model, instantOf(TIMESTAMP), execS * 1000);
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
    return (record) =>
      spendRow({ ...columns(record), ...group?.(record), ...cache?.(record) }, options.model);
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
