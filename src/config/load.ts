import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { type LocatedFault, parseDocumentText } from './document.ts';
import { faultsOf, type RawFault } from './issues.ts';
import { normalise } from './normalise.ts';
import { formatPath } from './path.ts';
import { brokenRules } from './rules.ts';
import { configSchema } from './schema.ts';
import { readSections, sectionsOf } from './sections.ts';
import type { Settings } from './settings.ts';
import { type Source, substitute } from './substitute.ts';

/** One thing that is wrong with the configuration. */
export interface ConfigFault {
  /** `models.llama.scale.max`; empty: the file as a whole. */
  readonly path: string;
  /** From 1; null where no line can be named. */
  readonly line: number | null;
  /** Continues the path: `must be at least 1`. Never holds a value that may be secret. */
  readonly message: string;
  /** What was probably meant. */
  readonly hint: string | null;
}

/** The file cannot be used. Its message lists every fault, one a line: `FILE:LINE: PATH: MESSAGE (HINT)`. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly faults: readonly ConfigFault[];

  constructor(file: string, faults: readonly ConfigFault[]) {
    super(faults.map((fault) => formatFault(file, fault)).join('\n'));
    this.faults = faults;
  }
}

function formatFault(file: string, fault: ConfigFault): string {
  const place = fault.line === null ? file : `${file}:${fault.line}`;
  const path = fault.path && `${fault.path}: `;
  return `${place}: ${path}${fault.message}${fault.hint === null ? '' : ` (${fault.hint})`}`;
}

/** Reads and checks a configuration file. Throws ConfigError with every fault. */
export async function loadConfig(file: string, env: NodeJS.ProcessEnv): Promise<Settings> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new ConfigError(file, [{ path: '', line: null, ...reasonOf(error) }]);
  }
  return parseConfig(text, { file, env, readFile: (path) => readFileSync(path, 'utf8') });
}

function reasonOf(error: unknown): { message: string; hint: string | null } {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return { message: 'does not exist', hint: 'name another with --config FILE' };
  if (code === 'EISDIR') return { message: 'is a folder, not a file', hint: null };
  if (code === 'EACCES') return { message: 'cannot be read: permission denied', hint: null };
  const message = `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  return { message, hint: null };
}

/** Checks the text of a configuration file; pure but for `source.readFile`. Throws ConfigError with every fault. */
export function parseConfig(text: string, source: Source): Settings {
  const document = parseDocumentText(text);
  if (document.value === undefined || document.value === null) {
    const empty: LocatedFault = { path: [], line: null, message: 'is empty', hint: null };
    throw faultyFile(source.file, document.faults.length > 0 ? document.faults : [empty]);
  }
  const raw: RawFault[] = [];
  const value = substitute(document.value, source, (path, message) =>
    raw.push({ path, message, hint: null }),
  );
  const unresolved = new Set(raw.map(({ path }) => formatPath(path)));
  const parsed = configSchema.safeParse(value);
  const sections = parsed.success ? sectionsOf(parsed.data) : readSections(value);
  const found = [...(parsed.success ? [] : faultsOf(parsed.error.issues, value)), ...brokenRules(sections)];
  raw.push(...found.filter(({ path }) => !unresolved.has(formatPath(path))));
  if (parsed.success && raw.length === 0 && document.faults.length === 0)
    return normalise(parsed.data, source.file);
  const located = raw.map((fault) => ({ ...fault, line: document.lineOf(fault.path) }));
  throw faultyFile(source.file, [...document.faults, ...located]);
}

function faultyFile(file: string, faults: readonly LocatedFault[]): ConfigError {
  const inOrder = faults.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
  return new ConfigError(
    file,
    inOrder.map((fault) => ({ ...fault, path: formatPath(fault.path) })),
  );
}
