import { existsSync } from 'node:fs';
import type { ProcessBackend } from '../../config/settings.ts';

/** What the placeholders of a command and its environment stand for. */
export interface PlaceholderValues {
  readonly port: string;
  readonly model: string;
  /** The ids of its GPUs, with commas between them. */
  readonly gpus: string;
}

/** Fills in {port}, {model} and {gpus}; what was filled in is not looked at again. */
export function fillCommand(command: readonly string[], values: PlaceholderValues): string[] {
  return command.map((text) => fill(text, values));
}

/** Like `fillCommand`, for the values of environment variables. */
export function fillEnvironment(
  env: Readonly<Record<string, string>>,
  values: PlaceholderValues,
): Record<string, string> {
  return Object.fromEntries(Object.entries(env).map(([name, text]) => [name, fill(text, values)]));
}

function fill(text: string, values: PlaceholderValues): string {
  return text.replace(/\{(port|model|gpus)\}/g, (_, name: keyof PlaceholderValues) => values[name]);
}

/** Why a process could not be started at all, in one line. */
export function describeSpawnError(error: unknown, { command, cwd }: ProcessBackend): string {
  const file = JSON.stringify(command[0] ?? '');
  const { code, message } = error as NodeJS.ErrnoException;
  // The system says ENOENT for both, and names the command in both cases.
  if (code === 'ENOENT' && cwd !== null && !existsSync(cwd))
    return `cannot start ${file}: no directory ${cwd}`;
  if (code === 'ENOENT') return `cannot start ${file}: command not found`;
  if (code === 'EACCES') return `cannot start ${file}: permission denied`;
  if (code === 'ENOTDIR') return `cannot start ${file}: ${cwd ?? 'cwd'} is not a directory`;
  return `cannot start ${file}: ${message.replaceAll(/\s+/g, ' ')}`;
}

/** How the leader of the group ended, as `close` told. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The line of its output that says why, or the last one; null when it had none. */
  readonly line: string | null;
}

/** `exited with code 1: CUDA out of memory`, `killed by SIGSEGV`. */
export function describeExit({ code, signal, line }: Exit): string {
  const how = signal === null ? `exited with code ${code}` : `killed by ${signal}`;
  return line === null ? how : `${how}: ${line.trim()}`;
}
