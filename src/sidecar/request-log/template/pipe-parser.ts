import { constantOf } from './constants.ts';
import { functionNames } from './functions.ts';
import { TemplateFault, type Token } from './lexer.ts';
import type { Command, Operand, Pipe } from './syntax.ts';

/** Variables that are in reach, by their slots, and how many slots there ever were. */
export interface Scope {
  names: string[];
  slots: number;
}

const keywords = new Set([
  'block',
  'break',
  'continue',
  'define',
  'else',
  'end',
  'if',
  'range',
  'template',
  'with',
]);

/** Reads the words of one action. */
export class PipeParser {
  readonly #tokens: readonly Token[];
  readonly #line: number;
  readonly #scope: Scope;
  #at = 0;

  constructor(tokens: readonly Token[], line: number, scope: Scope) {
    this.#tokens = tokens;
    this.#line = line;
    this.#scope = scope;
  }

  fault(reason: string): TemplateFault {
    return new TemplateFault(this.#line, reason);
  }

  /** Takes a keyword where one is next. */
  keyword(): string | null {
    const next = this.#peek();
    if (next?.kind !== 'word' || !keywords.has(next.text)) return null;
    this.#at++;
    return next.text;
  }

  /** Nothing may follow. */
  expectEnd(after: string): void {
    const next = this.#peek();
    if (next !== undefined) throw this.fault(`unexpected ${JSON.stringify(next.text)} after ${after}`);
  }

  /** The rest of the action. `context`: `action`, `if`, `with` or `range`. */
  pipe(context: string): Pipe {
    const pipe = this.#pipe(context, false);
    if (pipe.slots.length > 1 && context !== 'range') throw this.fault(`too many variables in ${context}`);
    this.expectEnd('the pipeline');
    return pipe;
  }

  #pipe(context: string, isNested: boolean): Pipe {
    const { names, isDeclaration } = isNested ? { names: [], isDeclaration: false } : this.#targets(context);
    const commands: Command[] = [];
    for (;;) {
      commands.push(this.#command(commands.length, context));
      if (!this.#isMark('|')) break;
      this.#at++;
    }
    // A variable is known only behind the pipeline that gives its value.
    const slots = names.map((name) => (isDeclaration ? this.#declare(name) : this.#slotOf(name)));
    return { commands, slots, isDeclaration };
  }

  #targets(context: string): { names: string[]; isDeclaration: boolean } {
    const none = { names: [], isDeclaration: false };
    const [first, second, third, fourth] = this.#tokens.slice(this.#at, this.#at + 4);
    if (first?.kind !== 'variable') return none;
    if (second?.text === ':=' || second?.text === '=') {
      this.#at += 2;
      return { names: [first.text], isDeclaration: second.text === ':=' };
    }
    if (second?.text !== ',' || context !== 'range' || third?.kind !== 'variable') return none;
    if (fourth?.text !== ':=' && fourth?.text !== '=') return none;
    this.#at += 4;
    return { names: [first.text, third.text], isDeclaration: fourth.text === ':=' };
  }

  #declare(name: string): number {
    const slot = this.#scope.names.push(name) - 1;
    this.#scope.slots = Math.max(this.#scope.slots, slot + 1);
    return slot;
  }

  #slotOf(name: string): number {
    const slot = this.#scope.names.lastIndexOf(name);
    if (slot < 0) throw this.fault(`undefined variable ${JSON.stringify(name)}`);
    return slot;
  }

  #command(stage: number, context: string): Command {
    const operands: Operand[] = [];
    for (;;) {
      const next = this.#peek();
      if (next === undefined || (next.kind === 'mark' && next.text !== '(')) break;
      if (operands.length > 0 && !next.isSpaced) {
        throw this.fault(`unexpected ${JSON.stringify(next.text)}: arguments are separated by spaces`);
      }
      operands.push(this.#operand());
    }
    const [first] = operands;
    if (first === undefined) throw this.fault(`missing value for ${stage === 0 ? context : 'command'}`);
    if (stage > 0 && (first.kind === 'dot' || first.kind === 'constant' || first.kind === 'nil')) {
      throw this.fault(`non executable command in pipeline stage ${stage + 1}`);
    }
    return operands;
  }

  #operand(): Operand {
    const token = this.#tokens[this.#at++]!;
    const operand = this.#simple(token);
    const names = this.#names();
    if (names.length === 0) return operand;
    switch (operand.kind) {
      case 'field':
      case 'variable':
        return { ...operand, names: [...operand.names, ...names] };
      case 'pipe':
      case 'function':
        return { kind: 'chain', of: operand, names };
      default:
        throw this.fault(`unexpected ".${names[0]}" after ${JSON.stringify(token.text)}`);
    }
  }

  #simple(token: Token): Operand {
    const { kind, text } = token;
    switch (kind) {
      case 'dot':
        return { kind: 'dot' };
      case 'field':
        return { kind: 'field', names: [text.slice(1)] };
      case 'variable':
        return { kind: 'variable', slot: this.#slotOf(text), names: [] };
      case 'word':
        return this.#word(text);
      case 'mark':
        return this.#parenthesis(text);
      default:
        return this.#constant(token);
    }
  }

  #constant(token: Token): Operand {
    const value = constantOf(token);
    if (value === undefined) throw this.fault(`malformed ${token.kind} constant: ${token.text}`);
    return { kind: 'constant', value };
  }

  #word(text: string): Operand {
    if (text === 'true' || text === 'false') return { kind: 'constant', value: text === 'true' };
    if (text === 'nil') return { kind: 'nil' };
    if (!functionNames.has(text)) throw this.fault(`function ${JSON.stringify(text)} not defined`);
    return { kind: 'function', name: text };
  }

  #parenthesis(text: string): Operand {
    if (text !== '(') throw this.fault(`unexpected ${JSON.stringify(text)}`);
    const pipe = this.#pipe('parenthesized pipeline', true);
    if (!this.#isMark(')')) throw this.fault('unclosed left paren');
    this.#at++;
    return { kind: 'pipe', pipe };
  }

  /** The fields that follow without a space. */
  #names(): string[] {
    const names: string[] = [];
    for (let next = this.#peek(); next?.kind === 'field' && !next.isSpaced; next = this.#peek()) {
      names.push(next.text.slice(1));
      this.#at++;
    }
    return names;
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#at];
  }

  #isMark(text: string): boolean {
    const next = this.#peek();
    return next?.kind === 'mark' && next.text === text;
  }
}
