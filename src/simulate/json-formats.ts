import { spendRow } from './csv-formats.ts';
import { instantOf, row, type TraceFormat } from './trace-format.ts';

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(record: string): Fields | null {
  if (!record.startsWith('{')) return null;
  try {
    return JSON.parse(record) as Fields;
  } catch {
    return null; // It is counted as malformed, or is of another format.
  }
}

function textOr(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function ms(value: unknown): number {
  return typeof value === 'number' ? value : Number.NaN;
}

/** The gateway's own log: its lines of requests, each written when the request has ended. */
export const gatewayLog: TraceFormat = {
  name: 'pilotlight',
  looks: "this gateway's own log (JSON lines with msg, time, model, totalMs, waitMs, coldMs)",
  origin: 'epoch',
  reader(record) {
    const first = fieldsOf(record);
    if (typeof first?.level !== 'number' || typeof first.time !== 'string') return null;
    return (line) => {
      const fields = fieldsOf(line);
      if (fields === null) return 'malformed';
      const { msg, time, model, totalMs, waitMs, coldMs, surface } = fields;
      // What a surface asked of a model for its request has a line of its own.
      if (msg !== 'request' || model === null || surface !== undefined) return 'other';
      const endMs = instantOf(textOr(time) ?? '');
      return row(
        textOr(model) ?? '',
        endMs - ms(totalMs),
        Math.max(0, ms(totalMs) - ms(waitMs) - ms(coldMs)),
      );
    };
  },
};

/** LiteLLM's spend log as JSON: an object a line, or an array of them as `GET /spend/logs` answers. */
export const litellmJson: TraceFormat = {
  name: 'litellm json',
  looks: 'LiteLLM spend logs as JSON lines or an array (startTime, endTime, model)',
  origin: 'epoch',
  reader(record, options) {
    const first = fieldsOf(record);
    if (first === null || !('startTime' in first && 'endTime' in first && 'model' in first)) return null;
    return (text) => {
      const fields = fieldsOf(text);
      if (fields === null) return 'malformed';
      const { startTime, endTime, model, model_group, cache_hit } = fields;
      return spendRow(
        {
          startTime: textOr(startTime),
          endTime: textOr(endTime),
          model: textOr(model),
          model_group: textOr(model_group),
          cache_hit: String(cache_hit),
        },
        options.model,
      );
    };
  },
};
