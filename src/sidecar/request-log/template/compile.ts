import { commandOf, type Evaluate, type Run } from './evaluate.ts';
import { parseTemplate } from './parser.ts';
import type { Pipe, Step } from './syntax.ts';
import { ExecutionFault, GoMap, isTrue, printed, typeName, type Value } from './values.ts';

/** How a step ended: 0 the next one follows, 1 the loop is left, 2 its next turn begins. */
type Flow = 0 | 1 | 2;
type Act = (run: Run) => Flow;

/** Compiles a template of Go's text/template into a function of its data. Throws TemplateFault; what it returns ExecutionFault. */
export function compileTemplate(template: string): (data: Value) => string {
  const { steps, slots } = parseTemplate(template);
  const act = actOf(steps);
  return (data) => {
    const run: Run = { dot: data, variables: new Array<Value>(slots), text: '' };
    run.variables[0] = data;
    act(run);
    return run.text;
  };
}

function actOf(steps: readonly Step[]): Act {
  const acts = steps.map(stepOf);
  return (run) => {
    for (const act of acts) {
      const flow = act(run);
      if (flow !== 0) return flow;
    }
    return 0;
  };
}

function stepOf(step: Step): Act {
  switch (step.kind) {
    case 'text':
      return (run) => {
        run.text += step.text;
        return 0;
      };
    case 'action':
      return actionOf(step.pipe);
    case 'if':
      return ifOf(step);
    case 'with':
      return withOf(step);
    case 'range':
      return rangeOf(step);
    case 'break':
      return () => 1;
    case 'continue':
      return () => 2;
  }
}

function actionOf(pipe: Pipe): Act {
  const evaluate = pipeOf(pipe);
  if (pipe.slots.length > 0) {
    return (run) => {
      evaluate(run);
      return 0;
    };
  }
  return (run) => {
    const value = evaluate(run);
    run.text += typeof value === 'string' ? value : printed(value);
    return 0;
  };
}

interface Branches {
  readonly pipe: Pipe;
  readonly body: readonly Step[];
  readonly otherwise: readonly Step[];
}

function ifOf(step: Branches): Act {
  const condition = pipeOf(step.pipe);
  const body = actOf(step.body);
  const otherwise = actOf(step.otherwise);
  return (run) => (isTrue(condition(run)) ? body(run) : otherwise(run));
}

function withOf(step: Branches): Act {
  const evaluate = pipeOf(step.pipe);
  const body = actOf(step.body);
  const otherwise = actOf(step.otherwise);
  return (run) => {
    const value = evaluate(run);
    if (!isTrue(value)) return otherwise(run);
    const { dot } = run;
    run.dot = value;
    const flow = body(run);
    run.dot = dot;
    return flow;
  };
}

function rangeOf(step: Branches): Act {
  const [first = -1, second = -1] = step.pipe.slots;
  const evaluate = pipeOf({ ...step.pipe, slots: [] });
  const body = actOf(step.body);
  const otherwise = actOf(step.otherwise);
  return (run) => {
    const pairs = pairsOf(evaluate(run));
    if (pairs.length === 0) return otherwise(run);
    const { dot } = run;
    for (const [key, value] of pairs) {
      run.dot = value;
      // With one variable it is the element, with two the first one is the key.
      if (first >= 0) run.variables[first] = second < 0 ? value : key;
      if (second >= 0) run.variables[second] = value;
      if (body(run) === 1) break;
    }
    run.dot = dot;
    return 0;
  };
}

function pairsOf(value: Value): (readonly [Value, Value])[] {
  if (value instanceof GoMap) return value.sortedKeys.map((key) => [key, value.entries.get(key)]);
  if (Array.isArray(value)) return value.map((one, index) => [index, one]);
  if (typeof value === 'number')
    return Array.from({ length: Math.max(0, value) }, (_, index) => [index, index]);
  if (value === undefined || value === null) return [];
  throw new ExecutionFault(`range can't iterate over ${typeName(value)}`);
}

/** The value of a pipeline; its variables are set. */
function pipeOf({ commands, slots }: Pipe): Evaluate {
  const [slot = -1] = slots;
  let evaluate: Evaluate | null = null;
  for (const command of commands) evaluate = commandOf(command, evaluate, pipeOf);
  const whole = evaluate!;
  if (slot < 0) return whole;
  return (run) => {
    const value = whole(run);
    run.variables[slot] = value;
    return value;
  };
}
