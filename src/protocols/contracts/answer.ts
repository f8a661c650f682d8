import { isUtf8 } from 'node:buffer';
import type { Contract, Outcome } from '../../core/contract.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import { DataSplitter, pieceKindOf } from '../data-splitter.ts';
import { isJsonObject } from '../surface-json.ts';

/** A whole answer of a backend. */
export type Answer = Parameters<Contract['outcome']>[0];

/** What a message shows of an answer that does not say what was wrong in a way that is known. */
const shownChars = 1_000;

/** The pieces of an answer that was streamed, as they came; null: it was not. */
export function piecesOf({ contentType, body }: Answer): string[] | null {
  const kind = pieceKindOf(contentType);
  if (kind !== 'events' && kind !== 'lines') return null;
  const splitter = new DataSplitter(contentType);
  return [...splitter.push(body), ...splitter.end()];
}

/** What a body says: JSON as its value, text as a string, what is neither as a `data:` URL in base64, as Cog writes files. */
export function contentOf({ contentType, body }: Answer): JsonValue {
  const type = contentType.split(';', 1)[0]!.trim().toLowerCase();
  const isNamedText = type === '' || /^text\/|[/+](json|xml|javascript|csv)$/.test(type);
  if (!isNamedText || !isUtf8(body)) {
    return `data:${type === '' ? 'application/octet-stream' : type};base64,${body.toString('base64')}`;
  }
  const text = body.toString('utf8');
  if (type !== '' && !/[/+]json$/.test(type)) return text;
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    // Python's NaN and Infinity, or JSON in name only: as it is.
    return text;
  }
}

/** `the backend answered 500: out of memory`; null where the status is not an error's. */
export function refusalOf(answer: Answer): string | null {
  if (answer.status < 400) return null;
  const said = messageOf(contentOf(answer));
  return `the backend answered ${answer.status}${said === '' ? '' : `: ${said}`}`;
}

/** The words in an error as most servers write it: OpenAI's, FastAPI's `detail`, `message`, `error`; else the whole, cut. */
export function messageOf(value: JsonValue): string {
  if (typeof value === 'string') return value.slice(0, shownChars).trim();
  if (isJsonObject(value)) {
    for (const key of ['error', 'message', 'Message', 'detail', 'ErrorMessage', 'error_message', 'msg']) {
      const said = value[key];
      if (said !== undefined && said !== null && said !== '') return messageOf(said);
    }
  }
  if (Array.isArray(value) && value.length > 0 && isJsonObject(value[0])) return messageOf(value[0]);
  return JSON.stringify(value).slice(0, shownChars);
}

/** What of an outcome is left where there is an error. */
export function failed(error: string): Outcome {
  return { output: null, error, logs: null, metrics: {} };
}

/** An outcome with nothing but its output. */
function succeeded(output: JsonValue): Outcome {
  return { output, error: null, logs: null, metrics: {} };
}

/** The outcome of backends that answer with the output itself; a stream is the list of its pieces. */
export function plainOutcome(answer: Answer): Outcome {
  const refusal = refusalOf(answer);
  if (refusal !== null) return failed(refusal);
  const pieces = piecesOf(answer);
  if (pieces === null) return succeeded(contentOf(answer));
  return succeeded(pieces.map(plainPiece).filter((piece) => piece !== null));
}

/**
 * A piece of a stream of which nothing else is known: an object where it is one in JSON, else the text. Numbers, lists and quoted
 * strings stay as they were written, since a piece of plain text may look like one of them.
 */
export function plainPiece(data: string): JsonValue | null {
  return data === '' || data.trim() === '[DONE]' ? null : (objectOf(data) ?? data);
}

/** The object that a text is in JSON; null: it is none. */
export function objectOf(text: string): JsonObject | null {
  if (!/^\s*\{/.test(text)) return null;
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : null;
  } catch {
    return null;
  }
}
