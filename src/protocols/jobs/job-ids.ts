import { createHash, randomBytes } from 'node:crypto';
import { PilotlightError } from '../../core/errors.ts';
import type { Caller } from '../../core/surface.ts';

const madeShape = /^job_[0-9a-f]{32}$/;
const ownShape = /^[\w.~-]{1,128}$/;

/** An id that nobody can guess. */
export function newJobId(): string {
  return `job_${randomBytes(16).toString('hex')}`;
}

/**
 * The id under which a job is kept that its client calls `id`. One that the client has chosen is its own: two tenants may choose the
 * same, and neither learns of the other's.
 */
export function keptId(id: string, { tenant }: Caller): string {
  if (madeShape.test(id)) return id;
  const digest = createHash('sha256')
    .update(JSON.stringify([tenant, id]))
    .digest('hex');
  return `own_${digest.slice(0, 40)}`;
}

/** Throws bad_request for what a client may not choose. */
export function checkOwnId(id: string): void {
  if (ownShape.test(id) && !madeShape.test(id)) return;
  const message =
    'an id of a job is 1 to 128 letters, digits, or _ . ~ -, and none of the form job_<32 hex digits>';
  throw new PilotlightError('bad_request', message, { param: 'id' });
}
