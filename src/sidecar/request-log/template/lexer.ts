/** A template that cannot be parsed; the message says where and why. */
export class TemplateFault extends Error {
  constructor(line: number, reason: string) {
    super(`line ${line}: ${reason}`);
    this.name = 'TemplateFault';
  }
}

/** A word within an action. */
export interface Token {
  readonly kind: 'string' | 'char' | 'number' | 'field' | 'dot' | 'variable' | 'word' | 'mark';
  readonly text: string;
  /** Space came before it, or the action's begin. */
  readonly isSpaced: boolean;
}

/** What a template consists of: text as it is, and actions. */
export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly tokens: readonly Token[]; readonly line: number };

const kinds: readonly [Token['kind'], RegExp][] = [
  ['string', /"(?:[^"\\\n]|\\.)*"|`[^`]*`/y],
  ['char', /'(?:[^'\\\n]|\\.)+'/y],
  [
    'number',
    /[+-]?(?:0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?[\d_]+)?)/y,
  ],
  ['field', /\.[\p{L}_][\p{L}\p{Nd}_]*/uy],
  ['dot', /\./y],
  ['variable', /\$[\p{L}\p{Nd}_]*/uy],
  ['word', /[\p{L}_][\p{L}\p{Nd}_]*/uy],
  ['mark', /:=|[=|(),]/y],
];
const space = /[ \t\r\n]+/y;
const comment = /\/\*[\s\S]*?\*\/(?=}}|[ \t\r\n]-}})/y;
const end = /(?:[ \t\r\n]+-)?}}/y;

/** Splits a template of Go's text/template. Throws TemplateFault. */
export function piecesOf(template: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  let isTrimmed = false;
  while (at <= template.length) {
    const open = template.indexOf('{{', at);
    let text = template.slice(at, open < 0 ? undefined : open);
    if (isTrimmed) text = text.replace(/^[ \t\r\n]+/, '');
    if (open >= 0 && /^-[ \t\r\n]/.test(template.slice(open + 2, open + 4))) {
      text = text.replace(/[ \t\r\n]+$/, '');
    }
    if (text !== '') pieces.push({ kind: 'text', text });
    if (open < 0) break;
    const action = new ActionReader(template, open);
    if (action.tokens !== null) pieces.push({ kind: 'action', tokens: action.tokens, line: action.line });
    at = action.end;
    isTrimmed = action.trimsAfter;
  }
  return pieces;
}

/** Reads one action, from its `{{` to behind its `}}`. */
class ActionReader {
  /** null: it is a comment. */
  readonly tokens: readonly Token[] | null;
  readonly line: number;
  readonly end: number;
  readonly trimsAfter: boolean;
  readonly #text: string;
  #at: number;

  constructor(template: string, open: number) {
    this.#text = template;
    this.line = template.slice(0, open).split('\n').length;
    this.#at = open + 2;
    if (/^-[ \t\r\n]/.test(template.slice(this.#at, this.#at + 2))) this.#at += 2;
    this.tokens = this.#take(comment) === null ? this.#words() : null;
    const close = this.#take(end);
    if (close === null) throw this.#fault('unclosed action');
    this.end = this.#at;
    this.trimsAfter = close !== '}}';
  }

  #words(): Token[] {
    const words: Token[] = [];
    if (this.#text.startsWith('/*', this.#at)) throw this.#fault('unclosed comment, or more than a comment');
    let isSpaced = true;
    for (;;) {
      if (this.#isEnd()) return words;
      if (this.#take(space) !== null) isSpaced = true;
      if (this.#isEnd()) return words;
      words.push(this.#word(isSpaced));
      isSpaced = false;
    }
  }

  #word(isSpaced: boolean): Token {
    for (const [kind, pattern] of kinds) {
      const text = this.#take(pattern);
      if (text !== null) return { kind, text, isSpaced };
    }
    if (this.#at >= this.#text.length) throw this.#fault('unclosed action');
    throw this.#fault(`unexpected ${JSON.stringify(this.#text.slice(this.#at, this.#at + 1))} in action`);
  }

  #isEnd(): boolean {
    end.lastIndex = this.#at;
    return end.test(this.#text);
  }

  #take(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return null;
    this.#at += match[0].length;
    return match[0];
  }

  #fault(reason: string): TemplateFault {
    return new TemplateFault(this.line, reason);
  }
}
