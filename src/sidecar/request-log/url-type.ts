import { decoded, valuesMap } from './header-map.ts';
import type { StructType } from './template/values.ts';

/** *url.URL of a target: path and query, or `*`. */
export const urlType: StructType<string> = {
  name: '*url.URL',
  fields: {
    Scheme: () => '',
    Opaque: () => '',
    User: () => null,
    Host: () => '',
    Path: (target) => unescaped(rawPath(target)),
    RawPath: (target) => (escapedPath(unescaped(rawPath(target))) === rawPath(target) ? '' : rawPath(target)),
    OmitHost: () => false,
    ForceQuery: (target) => target.endsWith('?') && target.indexOf('?') === target.length - 1,
    RawQuery: (target) => decoded(rawQuery(target)),
    Fragment: () => '',
    RawFragment: () => '',
  },
  methods: {
    String: { takes: [], call: urlText },
    Redacted: { takes: [], call: urlText },
    RequestURI: { takes: [], call: urlText },
    EscapedPath: { takes: [], call: pathText },
    EscapedFragment: { takes: [], call: () => '' },
    Query: { takes: [], call: (target) => valuesMap(() => queryOf(target)) },
    Hostname: { takes: [], call: () => '' },
    Port: { takes: [], call: () => '' },
    IsAbs: { takes: [], call: () => false },
  },
  text: urlText,
};

/** The parameters of a target's query; what is malformed is left out. */
export function queryOf(target: string): Map<string, string[]> {
  const values = new Map<string, string[]>();
  for (const part of rawQuery(target).split('&')) {
    if (part === '' || part.includes(';')) continue;
    const at = part.indexOf('=');
    const texts = [at < 0 ? part : part.slice(0, at), at < 0 ? '' : part.slice(at + 1)];
    if (texts.some((text) => /%(?![\da-fA-F]{2})/.test(text))) continue;
    const [key = '', value = ''] = texts.map((text) => unescaped(text.replaceAll('+', ' ')));
    const known = values.get(key);
    if (known === undefined) values.set(key, [value]);
    else known.push(value);
  }
  return values;
}

/** A URL as net/url writes it: an answer's log shows it where a template fails. */
export function urlText(target: string): string {
  const query = target.indexOf('?');
  return pathText(target) + (query < 0 ? '' : `?${decoded(rawQuery(target))}`);
}

function rawPath(target: string): string {
  const query = target.indexOf('?');
  return query < 0 ? target : target.slice(0, query);
}

function rawQuery(target: string): string {
  const query = target.indexOf('?');
  return query < 0 ? '' : target.slice(query + 1);
}

/** As it came where that is an encoding, else encoded anew. */
function pathText(target: string): string {
  const raw = rawPath(target);
  return raw === '*' || /^[\w\-.~!$&'()*+,;=:@[\]%/]*$/.test(raw) ? raw : escapedPath(unescaped(raw));
}

/** Bytes out of percent signs, and UTF-8 out of the bytes. */
function unescaped(text: string): string {
  if (!text.includes('%')) return decoded(text);
  return decoded(
    text.replace(/%([\da-fA-F]{2})/g, (_all, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
  );
}

/** net/url's own encoding of a path. */
function escapedPath(path: string): string {
  return encodeURIComponent(path.toWellFormed())
    .replace(/%(24|26|2B|2C|2F|3A|3B|3D|40)/g, (all) => decodeURIComponent(all))
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
