const jsSpecial = /[^\x20-\x7f]|[\\'"<>&=]/gu;
const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u;
const jsNames: Readonly<Record<string, string>> = { '\\': '\\\\', "'": "\\'", '"': '\\"' };

/** text/template's JSEscape: the inside of a JavaScript string. */
export function jsEscaped(text: string): string {
  return text.replace(jsSpecial, (character) => {
    const known = jsNames[character];
    if (known !== undefined) return known;
    return character >= '\x80' && printable.test(character) ? character : `\\u${hex(character, 4)}`;
  });
}

const htmlNames: Readonly<Record<string, string>> = {
  '\0': '\ufffd',
  '"': '&#34;',
  "'": '&#39;',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
};

/** text/template's HTMLEscape. */
export function htmlEscaped(text: string): string {
  return text.replace(/[\0"'&<>]/g, (character) => htmlNames[character]!);
}

/** net/url's QueryEscape. */
export function queryEscaped(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replace(/[!'()*]/g, (character) => `%${hex(character, 2)}`)
    .replaceAll('%20', '+');
}

const quoteNames: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
};

/** strconv's Quote, or QuoteToASCII; `mark` is the quote: " or '. */
export function quoted(text: string, mark: string, isAscii: boolean): string {
  let out = mark;
  for (const character of text) out += quotedRune(character, mark, isAscii);
  return out + mark;
}

function quotedRune(character: string, mark: string, isAscii: boolean): string {
  if (character === mark) return `\\${mark}`;
  const known = quoteNames[character];
  if (known !== undefined) return known;
  const code = character.codePointAt(0)!;
  const isPrinted = code === 0x20 || printable.test(character);
  if (isPrinted && (code < 0x80 || !isAscii)) return character;
  if (code < 0x80) return `\\x${hex(character, 2).toLowerCase()}`;
  return code < 0x10000 ? `\\u${hex(character, 4).toLowerCase()}` : `\\U${hex(character, 8).toLowerCase()}`;
}

function hex(character: string, digits: number): string {
  return character.codePointAt(0)!.toString(16).toUpperCase().padStart(digits, '0');
}
