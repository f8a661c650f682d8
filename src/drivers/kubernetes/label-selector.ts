/** Whether an object with these labels is selected. */
export type LabelMatcher = (labels: Readonly<Record<string, string>>) => boolean;

const setTerm = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/;
const equalityTerm = /^([^\s!=]+)\s*(==|=|!=)\s*([^\s!=,()]*)$/;
const existenceTerm = /^(!?)\s*([^\s!=,()]+)$/;

/**
 * The matcher of a label selector as text, as `status.selector` of a Scale has it: `app=a,tier!=b,env in (x, y),!canary`
 * (https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors). Null where it cannot be
 * read, or is empty: nothing is known then, and it must not match everything.
 */
export function parseSelector(text: string): LabelMatcher | null {
  const terms = text
    .split(/,(?![^(]*\))/)
    .map((term) => term.trim())
    .filter((term) => term !== '');
  const matchers: LabelMatcher[] = [];
  for (const term of terms) {
    const matcher = parseTerm(term);
    if (matcher === null) return null;
    matchers.push(matcher);
  }
  if (matchers.length === 0) return null;
  // Asked by every target of a namespace about every change of a pod: a closure for each would be most of the garbage.
  return (labels) => {
    for (const matches of matchers) if (!matches(labels)) return false;
    return true;
  };
}

function parseTerm(term: string): LabelMatcher | null {
  const set = setTerm.exec(term);
  if (set) {
    const [, key = '', operator, list = ''] = set;
    const values = new Set(list.split(',').map((value) => value.trim()));
    if (operator === 'in') return (labels) => Object.hasOwn(labels, key) && values.has(labels[key]!);
    return (labels) => !Object.hasOwn(labels, key) || !values.has(labels[key]!);
  }
  const equality = equalityTerm.exec(term);
  if (equality) {
    const [, key = '', operator, value] = equality;
    return operator === '!='
      ? (labels) => !Object.hasOwn(labels, key) || labels[key] !== value
      : (labels) => Object.hasOwn(labels, key) && labels[key] === value;
  }
  const existence = existenceTerm.exec(term);
  if (!existence) return null;
  const [, not, key = ''] = existence;
  return (labels) => Object.hasOwn(labels, key) === (not === '');
}
