import { nearest } from './hints.ts';
import { kpaRules } from './kpa-rules.ts';
import type { Path } from './path.ts';

/** What is wrong with an annotation: its whole name, and what to do about it. */
export interface AnnotationFault {
  readonly annotation: string;
  readonly message: string;
}

/** A key of the model that an annotation stands for. */
export interface AnnotatedKey {
  readonly annotation: string;
  readonly path: Path;
  /** As the schema of the file takes it. */
  readonly value: unknown;
}

/** What Knative's annotations of a workload say. */
export interface KpaAnnotations {
  readonly keys: readonly AnnotatedKey[];
  readonly faults: readonly AnnotationFault[];
}

/** What the names of Knative's annotations of its autoscaler begin with. */
const kpaPrefix = 'autoscaling.knative.dev/';

/**
 * Reads the annotations autoscaling.knative.dev/* with Knative's own rules and limits. Where there are any, the policy
 * is kpa. An initial scale of 0 is allowed; what is in that domain and not known is passed over, as Knative does, unless
 * it looks like a misspelling. Never throws.
 */
export function readKpaAnnotations(annotations: Readonly<Record<string, string>>): KpaAnnotations {
  const keys: AnnotatedKey[] = [];
  const faults: AnnotationFault[] = misspelled(annotations);
  for (const { names, path, read } of kpaRules) {
    const annotation = names.map((name) => kpaPrefix + name).find((name) => Object.hasOwn(annotations, name));
    if (annotation === undefined) continue;
    const reading = read(annotations[annotation]!);
    if ('fault' in reading) faults.push({ annotation, message: reading.fault });
    else keys.push({ annotation, path: path ?? policyPath, value: path === null ? 'kpa' : reading.value });
  }
  if (faults.length > 0 || keys.length === 0) return { keys: [], faults };
  const isSaid = keys.some(({ path }) => path === policyPath);
  const policy = { annotation: keys[0]!.annotation, path: policyPath, value: 'kpa' };
  const crossed = crossedFaults(keys);
  return crossed.length > 0
    ? { keys: [], faults: crossed }
    : { keys: isSaid ? keys : [policy, ...keys], faults: [] };
}

const policyPath: Path = ['scale', 'policy'];

function misspelled(annotations: Readonly<Record<string, string>>): AnnotationFault[] {
  const known = kpaRules.flatMap(({ names }) => names);
  return Object.keys(annotations).flatMap((annotation) => {
    const name = annotation.startsWith(kpaPrefix) ? annotation.slice(kpaPrefix.length) : known[0]!;
    const guess = known.includes(name) ? null : nearest(name, known);
    if (guess === null) return [];
    return [{ annotation, message: `is not a known annotation (did you mean ${kpaPrefix}${guess}?)` }];
  });
}

/** min <= activation <= max. */
function crossedFaults(keys: readonly AnnotatedKey[]): AnnotationFault[] {
  const of = (name: string) => keys.find(({ path }) => path.at(-1) === name);
  const [min, max, activation] = [of('min'), of('max'), of('activationScale')];
  const faults: AnnotationFault[] = [];
  const compare = (less: AnnotatedKey | undefined, more: AnnotatedKey | undefined, at: 'less' | 'more') => {
    if (!less || !more || Number(less.value) <= Number(more.value)) return;
    const [one, other, word] = at === 'less' ? [less, more, 'at most'] : [more, less, 'at least'];
    const message = `must be ${word} ${other.annotation}, which is ${other.value}: change one of them`;
    faults.push({ annotation: one.annotation, message });
  };
  compare(min, max, 'more');
  compare(min, activation, 'more');
  compare(activation, max, 'less');
  return faults;
}
