import type { Value } from './values.ts';

/** What stands for one value. */
export type Operand =
  | { readonly kind: 'dot' }
  | { readonly kind: 'constant'; readonly value: Value }
  | { readonly kind: 'nil' }
  /** `.A.B`: of the dot. */
  | { readonly kind: 'field'; readonly names: readonly string[] }
  /** `$x.A`: of a variable in its slot. */
  | { readonly kind: 'variable'; readonly slot: number; readonly names: readonly string[] }
  /** `(...).A`: of what a pipeline gives. */
  | { readonly kind: 'chain'; readonly of: Operand; readonly names: readonly string[] }
  | { readonly kind: 'function'; readonly name: string }
  | { readonly kind: 'pipe'; readonly pipe: Pipe };

/** A function or method with its arguments, or a single value. */
export type Command = readonly Operand[];

/** Commands of which each gets the value of the one before as its last argument. */
export interface Pipe {
  readonly commands: readonly Command[];
  /** Slots of the variables that take the value; two only in a range: key and element. */
  readonly slots: readonly number[];
  /** Whether the variables are declared here; else they are there already. */
  readonly isDeclaration: boolean;
}

/** One step of a template. */
export type Step =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly pipe: Pipe }
  | {
      readonly kind: 'if' | 'with' | 'range';
      readonly pipe: Pipe;
      readonly body: readonly Step[];
      readonly otherwise: readonly Step[];
    }
  | { readonly kind: 'break' | 'continue' };
