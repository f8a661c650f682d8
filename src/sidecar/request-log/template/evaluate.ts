import { functions } from './functions.ts';
import type { Command, Operand, Pipe } from './syntax.ts';
import { ExecutionFault, GoMap, isTrue, type Method, Struct, typeName, type Value } from './values.ts';

/** One execution of a template. */
export interface Run {
  dot: Value;
  readonly variables: Value[];
  text: string;
}

/** Gives a value in a run. */
export type Evaluate = (run: Run) => Value;

type PipeCompiler = (pipe: Pipe) => Evaluate;

/** `last`: what the command before gives, which is one more argument; null: it is the first one. */
export function commandOf(command: Command, last: Evaluate | null, pipeOf: PipeCompiler): Evaluate {
  const [first, ...others] = command;
  const args = others.map((operand) => argumentOf(operand, pipeOf));
  if (last !== null) args.push(last);
  switch (first!.kind) {
    case 'function':
      return callOf(first!.name, args);
    case 'field':
      return fieldsOf((run) => run.dot, first!.names, args);
    case 'variable':
      return variableOf(first!.slot, first!.names, args);
    case 'chain':
      return fieldsOf(argumentOf(first!.of, pipeOf), first!.names, args);
    case 'nil':
      return () => fail('nil is not a command');
    default:
      break;
  }
  const value = argumentOf(first!, pipeOf);
  if (args.length === 0) return value;
  return () => fail("can't give argument to non-function");
}

/** The value of an operand that stands alone. */
function argumentOf(operand: Operand, pipeOf: PipeCompiler): Evaluate {
  switch (operand.kind) {
    case 'dot':
      return (run) => run.dot;
    case 'constant': {
      const { value } = operand;
      return () => value;
    }
    case 'nil':
      return () => null;
    case 'pipe':
      return pipeOf(operand.pipe);
    default:
      return commandOf([operand], null, pipeOf);
  }
}

function fail(reason: string): never {
  throw new ExecutionFault(reason);
}

function callOf(name: string, args: readonly Evaluate[]): Evaluate {
  if (name === 'and' || name === 'or') {
    if (args.length === 0) return () => fail(`wrong number of args for ${name}: want at least 1 got 0`);
    const stops = name === 'or';
    return (run) => {
      let value: Value;
      for (const evaluate of args) {
        value = evaluate(run);
        if (isTrue(value) === stops) break;
      }
      return value;
    };
  }
  const { least, most, call } = functions[name]!;
  if (args.length < least || args.length > most) {
    return () => fail(`wrong number of args for ${name}: got ${args.length}`);
  }
  const [only] = args;
  if (args.length === 1) return (run) => call([only!(run)]);
  return (run) => call(args.map((evaluate) => evaluate(run)));
}

function variableOf(slot: number, names: readonly string[], args: readonly Evaluate[]): Evaluate {
  const value: Evaluate = (run) => run.variables[slot];
  if (names.length > 0) return fieldsOf(value, names, args);
  return args.length === 0 ? value : () => fail("can't give argument to non-function");
}

function fieldsOf(of: Evaluate, names: readonly string[], args: readonly Evaluate[]): Evaluate {
  let evaluate = of;
  for (const [index, name] of names.entries()) {
    evaluate = memberOf(evaluate, name, index === names.length - 1 ? args : []);
  }
  return evaluate;
}

function memberOf(of: Evaluate, name: string, args: readonly Evaluate[]): Evaluate {
  const hasArgs = args.length > 0;
  return (run) => {
    const receiver = of(run);
    if (receiver instanceof Struct) {
      const { type, data } = receiver;
      const method = Object.hasOwn(type.methods, name) ? type.methods[name] : undefined;
      if (method !== undefined) return invoked(method, data, { name, args, run });
      if (Object.hasOwn(type.fields, name)) {
        return hasArgs
          ? fail(`${name} has arguments but cannot be invoked as function`)
          : type.fields[name]!(data);
      }
      return fail(`can't evaluate field ${name} in type ${type.name}`);
    }
    if (receiver instanceof GoMap) {
      const method = Object.hasOwn(receiver.methods, name) ? receiver.methods[name] : undefined;
      if (method !== undefined) return invoked(method, receiver, { name, args, run });
      return hasArgs ? fail(`${name} is not a method but has arguments`) : receiver.entries.get(name);
    }
    if (receiver === undefined) return undefined;
    if (receiver === null) return fail(`nil pointer evaluating .${name}`);
    return fail(`can't evaluate field ${name} in type ${typeName(receiver)}`);
  };
}

interface Call {
  readonly name: string;
  readonly args: readonly Evaluate[];
  readonly run: Run;
}

function invoked<Data>(method: Method<Data>, data: Data, { name, args, run }: Call): Value {
  const { takes } = method;
  if (args.length !== takes.length) {
    return fail(`wrong number of args for ${name}: want ${takes.length} got ${args.length}`);
  }
  const values = args.map((evaluate) => evaluate(run));
  for (const [index, type] of takes.entries()) {
    const value = values[index];
    if (typeof value !== (type === 'int' ? 'number' : 'string')) {
      return fail(`wrong type for value; expected ${type}; got ${typeName(value)}`);
    }
  }
  return method.call(data, values);
}
