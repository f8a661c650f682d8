import type { FlatHeaders } from '../../forward/headers.ts';

// The bits of a character's class: a token (RFC 9110, 5.6.2), a field's value (5.5), a request target.
const tokenBit = 1;
const valueBit = 2;
const targetBit = 4;

/** What a code unit may be part of. Heads are read as latin1, so that there are 256 of them. */
const classes = new Uint8Array(256);
for (let code = 0x20; code < 0x7f; code++) classes[code]! |= valueBit;
for (let code = 0x80; code <= 0xff; code++) classes[code]! |= valueBit;
classes[0x09]! |= valueBit;
// Visible ASCII without what some read as the end of a target or as a slash. Go and Node take the rest as well.
for (let code = 0x21; code < 0x7f; code++) classes[code]! |= targetBit;
for (const char of '#\\') classes[char.charCodeAt(0)]! &= ~targetBit;
for (const char of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
  classes[char.charCodeAt(0)]! |= tokenBit;

const carriageReturn = 13;
const lineFeed = 10;
const space = 32;
const tab = 9;
const colon = 58;

/** Where the token that begins at `at` ends; `at` where there is none. */
export function tokenEnd(text: string, at: number): number {
  while ((classes[text.charCodeAt(at)]! & tokenBit) !== 0) at++;
  return at;
}

/** Where what may be in a request target ends. */
export function targetEnd(text: string, at: number): number {
  while ((classes[text.charCodeAt(at)]! & targetBit) !== 0) at++;
  return at;
}

/** Where what may be in a field's value (or a reason phrase) ends. */
export function valueEnd(text: string, at: number): number {
  while ((classes[text.charCodeAt(at)]! & valueBit) !== 0) at++;
  return at;
}

/**
 * Reads the field lines of `text` from `start` to `end`, each with its CRLF, into `into`: names in lower case, values without
 * the white space around them. Null, or what is wrong with them, which is everything that RFC 9112 (5) does not allow: no
 * folded lines, no space before the colon, no control characters, no line end but CRLF; and a tab behind a value, which some
 * take for a part of it.
 */
export function scanFields(text: string, start: number, end: number, into: FlatHeaders): string | null {
  let at = start;
  while (at < end) {
    const nameEnd = tokenEnd(text, at);
    if (nameEnd === at) return 'a field line does not begin with a name';
    if (text.charCodeAt(nameEnd) !== colon) return 'a field name is not followed by a colon';
    let from = nameEnd + 1;
    for (let code = text.charCodeAt(from); code === space || code === tab; ) code = text.charCodeAt(++from);
    const lineEnd = valueEnd(text, from);
    if (text.charCodeAt(lineEnd) !== carriageReturn || text.charCodeAt(lineEnd + 1) !== lineFeed)
      return 'a field value has a control character';
    let to = lineEnd;
    while (to > from && text.charCodeAt(to - 1) === space) to--;
    if (to > from && text.charCodeAt(to - 1) === tab) return 'a field value ends with a tab';
    into.push(text.slice(at, nameEnd).toLowerCase(), text.slice(from, to));
    at = lineEnd + 2;
  }
  return null;
}

/** The names of a Connection field, without those that name no field; null: none. */
export function connectionTokens(value: string): Set<string> | null {
  const lower = value.toLowerCase();
  if (lower === 'keep-alive' || lower === 'close') return null;
  return new Set(lower.split(',').map((token) => token.trim()));
}

/** Bytes named by a content-length: digits only, at most 15; -1: it is none. */
export function contentLengthOf(value: string): number {
  return /^\d{1,15}$/.test(value) ? Number(value) : -1;
}
