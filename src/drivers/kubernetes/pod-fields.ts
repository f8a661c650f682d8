/** An object of JSON whose fields are not known yet. */
export type Fields = Readonly<Record<string, unknown>>;

const none: Fields = Object.freeze({});

/** The value as an object; one without fields where it is none (an array, a string, null). */
export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : none;
}

/** The items of an array that are objects; none where it is not an array. */
export function itemsOf(value: unknown): Fields[] {
  if (!Array.isArray(value)) return [];
  return value.filter((item) => typeof item === 'object' && item !== null && !Array.isArray(item));
}

/** A string, or '' where it is none. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** A string that says something, or null. */
export function nameOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** A whole number of at least `least`, or null. */
export function wholeOf(value: unknown, least = 0): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= least ? value : null;
}

/** Wall milliseconds of an RFC 3339 time, or null. */
export function timeOf(value: unknown): number | null {
  if (typeof value !== 'string') return null;
  const ms = Date.parse(value);
  return Number.isNaN(ms) ? null : ms;
}

/** The entries whose values are strings. Without a prototype, so that no label is found that was not set. */
export function stringsOf(value: unknown): Readonly<Record<string, string>> {
  const strings: Record<string, string> = Object.create(null);
  for (const [key, text] of Object.entries(fieldsOf(value))) {
    if (typeof text === 'string') strings[key] = text;
  }
  return strings;
}

/** The beginning of a text, so that memory holds no more. */
export function headOf(value: unknown, maxLength: number): string {
  const text = textOf(value);
  return text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
}

/** The end of a text: of a log, where the cause stands. */
export function tailOf(value: unknown, maxLength: number): string {
  const text = textOf(value);
  return text.length > maxLength ? `…${text.slice(-maxLength)}` : text;
}

/** What every object of the API has, or null where a part of it is missing. */
export function keptOf(
  object: unknown,
): { uid: string; namespace: string; name: string; resourceVersion: string } | null {
  const metadata = fieldsOf(fieldsOf(object).metadata);
  const uid = nameOf(metadata.uid);
  const name = nameOf(metadata.name);
  if (uid === null || name === null) return null;
  return {
    uid,
    name,
    namespace: textOf(metadata.namespace),
    resourceVersion: textOf(metadata.resourceVersion),
  };
}
