import type { Token } from './lexer.ts';
import { Float, type Value } from './values.ts';

const escapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
};
const sequence = /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{3})|(.))/gs;

/** The value of a literal: text, character or number; undefined: it is malformed. */
export function constantOf({ kind, text }: Token): Value {
  if (kind === 'number') return numberOf(text);
  if (text.startsWith('`')) return text.slice(1, -1).replaceAll('\r', '');
  const inner = text.slice(1, -1);
  const plain = unescaped(inner, kind === 'char' ? '"' : "'");
  if (plain === undefined || kind === 'string') return plain;
  const [character = '', ...rest] = plain;
  return rest.length === 0 ? character.codePointAt(0) : undefined;
}

/** `foreign`: the quote that may not be escaped here. Bytes (\xNN, \NNN) above 127 make no text and are refused. */
function unescaped(text: string, foreign: string): string | undefined {
  let isWrong = false;
  const plain = text.replace(sequence, (_all, hex, short, long, octal, letter) => {
    const known = letter === undefined || letter === foreign ? undefined : escapes[letter];
    if (known !== undefined) return known;
    const digits = hex ?? short ?? long;
    const code = digits === undefined ? Number.parseInt(octal, 8) : Number.parseInt(digits, 16);
    const isByte = hex !== undefined || octal !== undefined;
    const isValid = code <= (isByte ? 0x7f : 0x10ffff) && !(code >= 0xd800 && code <= 0xdfff);
    if (isValid) return String.fromCodePoint(code);
    isWrong = true;
    return '';
  });
  return isWrong ? undefined : plain;
}

function numberOf(text: string): Value {
  const digits = text.replaceAll('_', '');
  const isHex = /^[+-]?0[xX]/.test(digits);
  const isFloat = !isHex && /[.eE]/.test(digits);
  const sign = digits.startsWith('-') ? -1 : 1;
  const plain = digits.replace(/^[+-]/, '');
  const octal = /^0\d+$/.test(plain) && !isFloat ? `0o${plain.slice(1)}` : plain;
  const value = Number(octal) * sign;
  if (Number.isNaN(value)) return undefined;
  return isFloat ? new Float(value) : value;
}
