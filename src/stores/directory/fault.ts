import { PilotlightError } from '../../core/errors.ts';

const full = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** What a call of the file system failed with, in words that name the path: store_full or store_unavailable. */
export function faultOf(error: unknown, path: string): PilotlightError {
  if (full.has(codeOf(error)))
    return new PilotlightError('store_full', `blobs: no room for what was to be written (${path})`, {
      cause: error,
    });
  const reason = error instanceof Error ? error.message : String(error);
  return new PilotlightError('store_unavailable', `blobs: the folder cannot be used (${path}: ${reason})`, {
    cause: error,
  });
}

/** Whether there is nothing of that name. */
export function isMissing(error: unknown): boolean {
  return codeOf(error) === 'ENOENT';
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
