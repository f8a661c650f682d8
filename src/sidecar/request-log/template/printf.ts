import { quoted } from './escapes.ts';
import { Float, GoMap, textOf, typeName, type Value, withGoExponent } from './values.ts';

/** What stands between % and the verb. */
interface Flags {
  readonly isLeft: boolean;
  readonly hasSign: boolean;
  readonly hasSpace: boolean;
  readonly isSharp: boolean;
  readonly isZero: boolean;
  readonly width: number;
  /** -1: none was given. */
  readonly precision: number;
}

const directive = /%([-+# 0]*)(\d*)(?:\.(\d*))?([\s\S]|$)/gu;

/** fmt's Sprintf, but for widths and arguments that are named by other arguments (%*d, %[1]d). */
export function sprintf(format: string, args: readonly Value[]): string {
  let next = 0;
  const text = format.replace(directive, (_all, marks: string, width, precision, verb: string) => {
    if (verb === '') return '%!(NOVERB)';
    if (verb === '%') return '%';
    if (next >= args.length) return `%!${verb}(MISSING)`;
    const flags = {
      isLeft: marks.includes('-'),
      hasSign: marks.includes('+'),
      hasSpace: marks.includes(' '),
      isSharp: marks.includes('#'),
      isZero: marks.includes('0') && !marks.includes('-'),
      width: Number(width),
      precision: precision === undefined ? -1 : Number(precision),
    };
    return formatted(args[next++], verb, flags);
  });
  if (next >= args.length) return text;
  const extra = args
    .slice(next)
    .map((value) => (isNil(value) ? '<nil>' : `${typeName(value)}=${textOf(value)}`));
  return `${text}%!(EXTRA ${extra.join(', ')})`;
}

function formatted(value: Value, verb: string, flags: Flags): string {
  if (verb === 'T') return padded(typeName(value), flags);
  if (isNil(value)) return verb === 'v' ? padded('<nil>', flags) : `%!${verb}(<nil>)`;
  if (typeof value === 'string') return textFormatted(value, verb, flags) ?? wrong(value, verb);
  if (typeof value === 'number') return wholeFormatted(value, verb, flags) ?? wrong(value, verb);
  if (value instanceof Float) return floatFormatted(value, verb, flags) ?? wrong(value, verb);
  if (typeof value === 'boolean') {
    return verb === 't' || verb === 'v' ? padded(String(value), flags) : wrong(value, verb);
  }
  if (value instanceof GoMap) {
    const pairs = value.sortedKeys.map(
      (key) => `${formatted(key, verb, flags)}:${formatted(value.entries.get(key) ?? [], verb, flags)}`,
    );
    return `map[${pairs.join(' ')}]`;
  }
  if (Array.isArray(value)) return `[${value.map((one) => formatted(one, verb, flags)).join(' ')}]`;
  return textFormatted(textOf(value), verb, flags) ?? wrong(value, verb);
}

function isNil(value: Value): value is undefined | null {
  return value === undefined || value === null;
}

function wrong(value: Value, verb: string): string {
  return `%!${verb}(${typeName(value)}=${textOf(value)})`;
}

function padded(text: string, flags: Flags): string {
  const missing = flags.width - [...text].length;
  if (missing <= 0) return text;
  return flags.isLeft ? text + ' '.repeat(missing) : (flags.isZero ? '0' : ' ').repeat(missing) + text;
}

function textFormatted(value: string, verb: string, flags: Flags): string | null {
  const text = flags.precision < 0 ? value : [...value].slice(0, flags.precision).join('');
  switch (verb) {
    case 'v':
      return flags.isSharp ? padded(quoted(text, '"', false), flags) : padded(text, flags);
    case 's':
      return padded(text, flags);
    case 'q': {
      const canBeRaw = flags.isSharp && !/[`\ufeff]|[^\t\P{Cc}]/u.test(text);
      return padded(canBeRaw ? `\`${text}\`` : quoted(text, '"', flags.hasSign), flags);
    }
    case 'x':
    case 'X': {
      const digits = Buffer.from(value)
        .subarray(0, flags.precision < 0 ? undefined : flags.precision)
        .toString('hex');
      return padded(verb === 'X' ? digits.toUpperCase() : digits, flags);
    }
    default:
      return null;
  }
}

const bases: Readonly<Record<string, readonly [base: number, prefix: string]>> = {
  v: [10, ''],
  d: [10, ''],
  b: [2, '0b'],
  o: [8, '0'],
  x: [16, '0x'],
  X: [16, '0X'],
};

function wholeFormatted(value: number, verb: string, flags: Flags): string | null {
  if (verb === 'c') return padded(String.fromCodePoint(value), flags);
  if (verb === 'q') return padded(quoted(String.fromCodePoint(value), "'", flags.hasSign), flags);
  if (verb === 'U') return padded(`U+${value.toString(16).toUpperCase().padStart(4, '0')}`, flags);
  const base = bases[verb];
  if (base === undefined) return null;
  let digits = Math.abs(value).toString(base[0]).padStart(flags.precision, '0');
  if (verb === 'X') digits = digits.toUpperCase();
  return signed(value < 0, (flags.isSharp ? base[1] : '') + digits, flags);
}

function floatFormatted({ value }: Float, verb: string, flags: Flags): string | null {
  const size = Math.abs(value);
  const digits = floatDigits(size, verb, flags.precision);
  if (digits === null) return null;
  return signed(value < 0, /[EG]/.test(verb) ? digits.toUpperCase() : digits, flags);
}

function floatDigits(size: number, verb: string, precision: number): string | null {
  switch (verb) {
    case 'f':
    case 'F':
      return halfEven(precision < 0 ? 6 : precision, (digits) => size.toFixed(digits));
    case 'e':
    case 'E':
      return withGoExponent(halfEven(precision < 0 ? 6 : precision, (digits) => size.toExponential(digits)));
    case 'v':
    case 'g':
    case 'G':
      return precision < 0 ? textOf(new Float(size)) : shortDigits(size, precision || 1);
    default:
      return null;
  }
}

/** %g with a precision: that many digits, without zeros at the end. */
function shortDigits(size: number, precision: number): string {
  const [mantissa = '', exponent = '0'] = halfEven(precision - 1, (digits) =>
    size.toExponential(digits),
  ).split('e');
  const power = Number(exponent);
  const trim = (text: string) => (text.includes('.') ? text.replace(/\.?0+$/, '') : text);
  if (power < -4 || power >= precision) return withGoExponent(`${trim(mantissa)}e${exponent}`);
  return trim(halfEven(Math.max(0, precision - 1 - power), (digits) => size.toFixed(digits)));
}

/** What lies exactly between two goes to the even one, as with Go; JavaScript takes the larger. */
function halfEven(precision: number, write: (digits: number) => string): string {
  const near = write(precision);
  const [mantissa = '', exponent] = write(Math.min(100, precision + 60)).split('e');
  const end = mantissa.indexOf('.') + 1 + precision;
  if (!/^50*$/.test(mantissa.slice(end))) return near;
  const below = mantissa.slice(0, end).replace(/\.$/, '');
  if (Number(below.at(-1)) % 2 === 1) return near;
  return exponent === undefined ? below : `${below}e${exponent}`;
}

function signed(isNegative: boolean, digits: string, flags: Flags): string {
  const sign = isNegative ? '-' : flags.hasSign ? '+' : flags.hasSpace ? ' ' : '';
  if (!flags.isZero || (flags.precision >= 0 && !digits.includes('.'))) {
    return padded(sign + digits, { ...flags, isZero: false });
  }
  return sign + digits.padStart(flags.width - sign.length, '0');
}
