import type { FlatHeaders } from '../../forward/headers.ts';
import { GoMap, type Method, type Value } from './template/values.ts';

/** What Go's server takes out of the header. */
const taken = new Set(['host', 'transfer-encoding', 'trailer']);

/** Text as it came: bytes that lanes read as latin1 are UTF-8 as a rule. */
export function decoded(latin1: string): string {
  return isAscii.test(latin1) ? latin1 : Buffer.from(latin1, 'latin1').toString();
}

const isAscii = /^[\0-\x7f]*$/;

/** A name as net/textproto writes it: User-Agent; what is no token stays as it is. */
function canonical(name: string): string {
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) return name;
  return name.toLowerCase().replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
}

const methods: Readonly<Record<string, Method<GoMap>>> = {
  Get: { takes: ['string'], call: ({ source }, [name]) => firstOf(source, String(name)) },
  Values: { takes: ['string'], call: (header, [name]) => valuesOf(header, name) },
  Clone: { takes: [], call: (header) => header },
};

function valuesOf(header: GoMap, name: Value): readonly Value[] {
  return (header.entries.get(canonical(String(name))) ?? []) as readonly Value[];
}

/** Names of fields are tokens: what is none is not found either. */
function firstOf(fields: readonly string[], name: string): string {
  const lower = name.toLowerCase();
  if (taken.has(lower)) return '';
  for (let i = 0; i + 1 < fields.length; i += 2) if (fields[i] === lower) return decoded(fields[i + 1]!);
  return '';
}

/** http.Header. */
export function headerMap(fields: FlatHeaders): GoMap {
  return new GoMap({ name: 'http.Header', methods, zero: [], source: fields, read: () => entriesOf(fields) });
}

function entriesOf(fields: FlatHeaders): Map<string, Value> {
  const entries = new Map<string, string[]>();
  for (let i = 0; i + 1 < fields.length; i += 2) {
    if (taken.has(fields[i]!)) continue;
    const name = canonical(fields[i]!);
    const value = decoded(fields[i + 1]!);
    const known = entries.get(name);
    if (known === undefined) entries.set(name, [value]);
    else known.push(value);
  }
  return entries;
}

/** url.Values, or what of it was parsed. */
export function valuesMap(read: () => Map<string, string[]>): GoMap {
  return new GoMap({ name: 'url.Values', methods: valuesMethods, zero: [], read });
}

const valuesMethods: Readonly<Record<string, Method<GoMap>>> = {
  Get: {
    takes: ['string'],
    call: (values, [key]) => (values.entries.get(String(key)) as readonly Value[] | undefined)?.[0] ?? '',
  },
  Has: { takes: ['string'], call: (values, [key]) => values.entries.has(String(key)) },
};
