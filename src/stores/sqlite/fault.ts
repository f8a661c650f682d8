import { statfsSync } from 'node:fs';
import type { ErrorCode } from '../../core/error-table.ts';

/** An error as it crosses from the worker to those who asked. */
export interface StoreFault {
  readonly code: ErrorCode;
  readonly message: string;
}

/** Primary result codes of SQLite (https://sqlite.org/rescode.html). */
const sqlite = { busy: 5, ioError: 10, corrupt: 11, full: 13, cannotOpen: 14, notADatabase: 26 } as const;

/** Less room than this on the disk and an error of writing is one of a full disk. */
const leastFreeBytes = 65_536;

/** What went wrong with the file, in words that name it. `folder`: where it lies. */
export function faultOf(error: unknown, file: string, folder: string): StoreFault {
  const resultCode = resultCodeOf(error);
  const reason = error instanceof Error ? error.message : String(error);
  const say = (code: ErrorCode, what: string) => ({ code, message: `store: ${what} (${file}: ${reason})` });
  switch (resultCode) {
    case sqlite.full:
      return say('store_full', 'no room for what was to be written');
    case sqlite.ioError:
      return isFull(folder)
        ? say('store_full', 'no room for what was to be written')
        : say('store_unavailable', 'the file cannot be read or written');
    case sqlite.corrupt:
      return say(
        'store_unavailable',
        'the file is damaged: restore a copy of it, or move it away to start empty',
      );
    case sqlite.notADatabase:
      return say('store_unavailable', 'the file is damaged, or none of SQLite: move it away to start empty');
    case sqlite.busy:
      return say(
        'store_unavailable',
        'another process has the file open: one gateway for each file, or several on Redis',
      );
    case sqlite.cannotOpen:
      return say('store_unavailable', 'the file cannot be opened');
    default:
      return say(resultCode === null ? 'store_unavailable' : 'internal', 'the file cannot be used');
  }
}

function resultCodeOf(error: unknown): number | null {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return null;
  return error.errcode & 0xff;
}

function isFull(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize < leastFreeBytes;
  } catch {
    return false;
  }
}
