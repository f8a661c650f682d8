import { Misfit, type Variable } from './variable.ts';
import { variables } from './variables.ts';

/** Variables by name; process.env is one. */
export type Environment = Readonly<Record<string, string | undefined>>;

type Table = typeof variables;
type ValueOf<V> = V extends Variable<infer Value> ? Value : never;

/** What the variables say, each with its default where it is not given. */
export type Values = { readonly [Name in keyof Table]: ValueOf<Table[Name]> };

/** One thing that is wrong: what holds it, what is there (null: nothing), and what is expected. */
export interface EnvironmentFault {
  readonly name: string;
  readonly value: string | null;
  readonly expected: string;
}

/** The environment cannot be taken; the message lists every fault, one a line. */
export class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError';

  constructor(faults: readonly EnvironmentFault[]) {
    super(['the environment cannot be used:', ...faults.map(lineOf)].join('\n  '));
  }
}

const longestShown = 200;

function lineOf({ name, value, expected }: EnvironmentFault): string {
  if (value === null) return `${name} is missing: expected ${expected}`;
  const shown = value.length > longestShown ? `${value.slice(0, longestShown)}...` : value;
  return `${name} is ${JSON.stringify(shown)}: expected ${expected}`;
}

/** What tells that Knative, and not a person, wrote this environment. */
const ofKnative = ['SERVING_NAMESPACE', 'SERVING_SERVICE', 'SERVING_CONFIGURATION', 'SERVING_REVISION'];

/** `knative`: a revision's queue-proxy is to be replaced, and all that it requires is required here. */
export function modeOf(environment: Environment): 'knative' | 'plain' {
  return ofKnative.some((name) => environment[name] !== undefined) ? 'knative' : 'plain';
}

/** What Kubernetes sets for a Service that happens to be named like one of ours: PILOTLIGHT_ADMIN_PORT for pilotlight-admin. */
const serviceLink = /^(?:tcp|udp|sctp):\/\/[\w.:[\]]+:\d+$/;

/** Reads every variable of the table; what is wrong is added to `faults`, and has its default. Unknown ones are not looked at. */
export function readVariables(
  environment: Environment,
  mode: 'knative' | 'plain',
  faults: EnvironmentFault[],
): Values {
  const read = Object.entries(variables).map(([name, row]) => {
    const variable: Variable<unknown> = row;
    const text = environment[name];
    const given = text !== undefined && serviceLink.test(text) ? undefined : text;
    const isRequired = variable.required === 'always' || variable.required === mode;
    if (given === undefined || (given === '' && !variable.mayBeEmpty)) {
      if (isRequired) faults.push({ name, value: given ?? null, expected: variable.expects });
      return [name, variable.fallback] as const;
    }
    const value = variable.parse(given);
    if (!(value instanceof Misfit)) return [name, value] as const;
    faults.push({ name, value: given, expected: value.expected });
    return [name, variable.fallback] as const;
  });
  return Object.fromEntries(read) as unknown as Values;
}
