import { dirname, resolve } from 'node:path';
import type { Path } from './path.ts';

/** Where the values come from. `readFile` throws when the file cannot be read. */
export interface Source {
  /** The configuration file; relative paths in it start at its folder. */
  readonly file: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readFile(path: string): string;
}

type OnFault = (path: Path, message: string) => void;

/** `*` is any one step. */
const secretPaths = [
  ['auth', 'keys', '*', 'key'],
  ['auth', 'keys', '*', 'sha256'],
  ['server', 'admin', 'token'],
  ['models', '*', 'backend', 'headers', '*'],
];

/**
 * A copy of `root` with `${env.NAME}` filled into its string values, and `file:PATH` of a secret (keys, token, backend
 * headers) replaced by that file's text without its last line break.
 */
export function substitute(root: unknown, source: Source, onFault: OnFault): unknown {
  const walk = (value: unknown, path: Path): unknown => {
    if (typeof value === 'string') return resolveText(value, path);
    if (Array.isArray(value)) return value.map((item, index) => walk(item, [...path, index]));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, walk(item, [...path, key])]));
  };
  const resolveText = (written: string, path: Path): string => {
    let isResolved = true;
    const filled = written.replaceAll(/\$\{env\.([^}]*)\}/g, (_, name: string) => {
      const value = source.env[name];
      if (value !== undefined) return value;
      isResolved = false;
      onFault(path, `environment variable ${name} is not set`);
      return '';
    });
    // What the variable holds is never taken for a file's name: it may be a secret that begins with `file:`.
    const isFile = isResolved && written.startsWith('file:') && isSecret(path);
    return isFile ? readSecret(filled.slice('file:'.length), path) : filled;
  };
  const readSecret = (file: string, path: Path): string => {
    try {
      return source.readFile(resolve(dirname(source.file), file)).replace(/\r?\n$/, '');
    } catch (error) {
      onFault(path, `cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`);
      return '';
    }
  };
  return walk(root, []);
}

function isSecret(path: Path): boolean {
  return secretPaths.some(
    (pattern) =>
      pattern.length === path.length && pattern.every((step, at) => step === '*' || step === path[at]),
  );
}
