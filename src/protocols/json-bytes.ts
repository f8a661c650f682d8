/** The top-level fields of a request that the gateway reads. */
export type FieldName = 'model' | 'stream' | 'messages' | 'prompt' | 'input';

const quote = 0x22;
const backslash = 0x5c;

/** How many bytes are looked at one by one before the native search, whose call costs about as much. */
const nearBytes = 32;

/** The longest field name, `messages`, with each of its letters written as `\uXXXX`, and two quotes. */
const maxKeyBytes = 8 * 6 + 2;

/**
 * Index of the quote that closes the string whose content goes on at `from` (not in the middle of an escape), or -1.
 * Long plain stretches (base64) go to the native search, dense escapes stay in the loop: there a call for each quote
 * would be slower than JSON.parse.
 */
export function closingQuote(bytes: Buffer, from: number): number {
  const length = bytes.length;
  let at = from;
  while (at < length) {
    let stop = Math.min(at + nearBytes, length);
    while (at < stop) {
      const byte = bytes[at];
      if (byte === quote) return at;
      if (byte === backslash) {
        at += 2;
        stop = Math.min(at + nearBytes, length);
      } else at += 1;
    }
    if (at >= length) return -1;
    const found = bytes.indexOf(quote, at);
    if (found < 0) return -1;
    if (!isEscapedAt(bytes, at, found)) return found;
    at = found + 1;
  }
  return -1;
}

/** Whether the byte at `end` is escaped: an odd number of back-slashes stands before it, none of them before `from`. */
export function isEscapedAt(bytes: Buffer, from: number, end: number): boolean {
  let at = end - 1;
  while (at >= from && bytes[at] === backslash) at -= 1;
  return (end - 1 - at) % 2 === 1;
}

/** Which field the key `[start, end)`, quotes included, names, escapes decoded; throws SyntaxError on a bad escape. */
export function fieldOf(bytes: Buffer, start: number, end: number): FieldName | null {
  if (end - start > maxKeyBytes) return null;
  for (let at = start; at < end; at += 1) {
    if (bytes[at] === backslash) return fieldNamed(JSON.parse(bytes.toString('utf8', start, end)));
  }
  switch (end - start - 2) {
    case 5:
      if (bytes[start + 1] === 0x6d) return equals(bytes, start + 1, 'model');
      return equals(bytes, start + 1, 'input');
    case 6:
      if (bytes[start + 1] === 0x73) return equals(bytes, start + 1, 'stream');
      return equals(bytes, start + 1, 'prompt');
    case 8:
      return equals(bytes, start + 1, 'messages');
    default:
      return null;
  }
}

function equals(bytes: Buffer, start: number, name: FieldName): FieldName | null {
  for (let index = 0; index < name.length; index += 1) {
    if (bytes[start + index] !== name.charCodeAt(index)) return null;
  }
  return name;
}

function fieldNamed(key: unknown): FieldName | null {
  switch (key) {
    case 'model':
    case 'stream':
    case 'messages':
    case 'prompt':
    case 'input':
      return key;
    default:
      return null;
  }
}

/** Whether a byte is white space of JSON. */
export function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** Whether a byte can be part of a number or a literal; whether they form one is left to the backend. */
export function isScalar(byte: number): boolean {
  if (byte >= 0x61) return byte <= 0x7a;
  return (byte >= 0x30 && byte <= 0x39) || byte === 0x2d || byte === 0x2b || byte === 0x2e || byte === 0x45;
}

/** Whether bytes of a string are visible ASCII without an escape: they are their own text. */
export function isPlain(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at]!;
    if (byte < 0x20 || byte >= 0x7f || byte === backslash) return false;
  }
  return true;
}
