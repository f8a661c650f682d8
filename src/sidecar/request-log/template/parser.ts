import { type Piece, piecesOf, TemplateFault } from './lexer.ts';
import { PipeParser, type Scope } from './pipe-parser.ts';
import type { Step } from './syntax.ts';

/** A template as steps, and how many slots its variables need. */
export interface ParsedTemplate {
  readonly steps: readonly Step[];
  readonly slots: number;
}

/** Parses a template of Go's text/template, but for define, template and block. Throws TemplateFault. */
export function parseTemplate(template: string): ParsedTemplate {
  const parser = new StepParser(piecesOf(template));
  const steps = parser.steps({ isInner: false, isLoop: false }).steps;
  return { steps, slots: parser.slots };
}

/** How a list of steps ended. */
interface StepList {
  readonly steps: Step[];
  /** What comes behind `else`: `if` and `with` begin a chain; null: it ended with `end`, or with the template. */
  readonly otherwise: PipeParser | null;
}

interface Place {
  /** Within a control structure: it ends with `end` or `else`. */
  readonly isInner: boolean;
  readonly isLoop: boolean;
}

class StepParser {
  readonly #pieces: readonly Piece[];
  readonly #scope: Scope = { names: ['$'], slots: 1 };
  #at = 0;

  constructor(pieces: readonly Piece[]) {
    this.#pieces = pieces;
  }

  /** Slots that were ever in use at once. */
  get slots(): number {
    return this.#scope.slots;
  }

  steps(place: Place): StepList {
    const steps: Step[] = [];
    for (;;) {
      const piece = this.#pieces[this.#at++];
      if (piece === undefined) return this.#ended(steps, place);
      if (piece.kind === 'text') {
        steps.push(piece);
        continue;
      }
      const parser = new PipeParser(piece.tokens, piece.line, this.#scope);
      const word = parser.keyword();
      if (word === 'end' || word === 'else') {
        if (!place.isInner) throw parser.fault(`unexpected {{${word}}}`);
        if (word === 'end') parser.expectEnd('end');
        return { steps, otherwise: word === 'else' ? parser : null };
      }
      steps.push(this.#step(parser, word, place));
    }
  }

  #ended(steps: Step[], { isInner }: Place): StepList {
    if (!isInner) return { steps, otherwise: null };
    throw new TemplateFault(this.#lastLine(), 'the template ends where {{end}} is missing');
  }

  #lastLine(): number {
    return this.#pieces.reduce((line, piece) => (piece.kind === 'action' ? piece.line : line), 1);
  }

  #step(parser: PipeParser, word: string | null, place: Place): Step {
    switch (word) {
      case null:
        return { kind: 'action', pipe: parser.pipe('action') };
      case 'if':
      case 'with':
      case 'range':
        return this.#control(parser, word, place);
      case 'break':
      case 'continue':
        if (!place.isLoop) throw parser.fault(`{{${word}}} outside {{range}}`);
        parser.expectEnd(word);
        return { kind: word };
      default:
        throw parser.fault(`{{${word}}} is not supported in a request log`);
    }
  }

  #control(parser: PipeParser, kind: 'if' | 'with' | 'range', place: Place): Step {
    const known = this.#scope.names.length;
    const inner = { isInner: true, isLoop: place.isLoop || kind === 'range' };
    const pipe = parser.pipe(kind);
    const inReach = this.#scope.names.length;
    const body = this.steps(inner);
    let otherwise: readonly Step[] = [];
    this.#scope.names.length = inReach;
    if (body.otherwise !== null) otherwise = this.#otherwise(body.otherwise, kind, inner);
    this.#scope.names.length = known;
    return { kind, pipe, body: body.steps, otherwise };
  }

  #otherwise(parser: PipeParser, kind: string, place: Place): readonly Step[] {
    const word = parser.keyword();
    if (word === 'if' || word === 'with') {
      if (word !== kind) throw parser.fault(`{{else ${word}}} belongs to {{${word}}}, not to {{${kind}}}`);
      return [this.#control(parser, word, place)];
    }
    parser.expectEnd('else');
    const list = this.steps(place);
    if (list.otherwise !== null) throw parser.fault('{{else}} comes twice');
    return list.steps;
  }
}
