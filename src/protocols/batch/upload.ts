import type { Blob, BlobStore } from '../../core/blobs.ts';
import { PilotlightError } from '../../core/errors.ts';
import { formParts, partText } from '../form-parts.ts';
import { maxFileBytes } from './file-data.ts';

/** Longest value of a field besides the file, in bytes; and how many there may be. */
const maxFieldBytes = 4_096;
const maxFields = 32;

/** A form that was uploaded. */
export interface Upload {
  readonly blob: Blob;
  readonly filename: string;
  readonly fields: ReadonlyMap<string, string>;
}

/** Where an upload comes from, and where its file goes. */
export interface UploadOptions {
  readonly contentType: string;
  readonly source: AsyncIterable<Buffer>;
  readonly blobs: BlobStore;
  readonly signal: AbortSignal;
}

/**
 * Reads a form with one file, which goes to a blob as it arrives; the other fields may come before it or behind. Rejects with
 * invalid_body, body_too_large, store_full, store_unavailable; no blob is left then.
 */
export async function readUpload(options: UploadOptions): Promise<Upload> {
  const fields = new Map<string, string>();
  let file: { readonly blob: Blob; readonly filename: string } | null = null;
  try {
    for await (const part of formParts(options.contentType, options.source)) {
      if (part.name !== 'file') {
        if (fields.size >= maxFields)
          throw new PilotlightError('invalid_body', 'a form with too many fields');
        fields.set(part.name, await partText(part, maxFieldBytes));
      } else {
        if (file !== null) throw new PilotlightError('invalid_body', 'a form with two files');
        const blob = await options.blobs.write(part.content, maxFileBytes, options.signal);
        file = { blob, filename: part.filename ?? 'file' };
      }
    }
    if (file === null) throw new PilotlightError('bad_request', 'file is required', { param: 'file' });
    return { ...file, fields };
  } catch (error) {
    if (file !== null) await options.blobs.delete(file.blob.id);
    throw error;
  }
}
