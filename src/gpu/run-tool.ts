import { execFile } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

/** A driver that lost its card lets its tool hang for as long as it likes. */
const timeoutMs = 5_000;
const maxOutputBytes = 1024 ** 2;

/** The absolute path of a program on PATH; null: it is not there. */
export function findTool(name: string, path: string | undefined): string | null {
  const folders = (path ?? '').split(delimiter).filter((folder) => isAbsolute(folder));
  return folders.map((folder) => join(folder, name)).find(isProgram) ?? null;
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/**
 * What a program writes to its standard output. Rejects with one line when it fails, says more than 1 MiB or is not done
 * within 5 s: then it is killed, and not waited for (in the kernel's hands it does not die).
 */
export function runTool(file: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const options = { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: maxOutputBytes, signal } as const;
  const child = execFile(file, args, options, (error, stdout, stderr) => {
    if (error === null) resolve(stdout);
    else reject(new Error(`${file}: ${whatFailed(error, stderr || stdout)}`, { cause: error }));
  });
  child.unref();
  const timer = setTimeout(
    () => reject(new Error(`${file}: no answer within ${timeoutMs / 1_000}s`)),
    timeoutMs + 500,
  );
  timer.unref();
  return promise.finally(() => clearTimeout(timer));
}

function whatFailed({ killed, code, message }: ToolError, said: string): string {
  if (killed) return `no answer within ${timeoutMs / 1_000}s`;
  const line = said.split('\n').find((text) => text.trim() !== '');
  if (line !== undefined) return line.trim();
  return typeof code === 'number' ? `exited with code ${code}` : message.replaceAll(/\s+/g, ' ');
}

interface ToolError extends Error {
  readonly killed?: boolean;
  readonly code?: number | string | null;
}
