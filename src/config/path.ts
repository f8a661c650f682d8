/** Keys and list indexes from the root of the file. */
export type Path = readonly (string | number)[];

/** `models.llama.scale.max`, `auth.keys[0].name`, `models."llama-3.1".cold`; the root is empty. */
export function formatPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += (text && '.') + (/^[\w/:-]+$/.test(step) ? step : JSON.stringify(step));
  }
  return text;
}

/** The value at `path` in plain data; undefined where there is none. */
export function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}
