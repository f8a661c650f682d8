import { PilotlightError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { Fields } from '../surface-json.ts';
import { readExpiry } from './files.ts';

/** Routes that the rows of a batch may be for. */
const endpoints = [
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/responses',
  '/v1/embeddings',
  '/v1/moderations',
  '/v1/rerank',
  '/v1/images/generations',
];

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Longest window, in ms. */
const maxWindowMs = 30 * 86_400_000;

/** What POST /v1/batches asks for. */
export interface BatchOrder {
  readonly inputFileId: string;
  readonly endpoint: string;
  readonly window: string;
  readonly windowMs: number;
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly keepFilesMs: number | null;
}

/** Reads the body of POST /v1/batches; `isStrict`: as OpenAI, which knows one window alone. Throws bad_request. */
export function readBatchOrder(body: JsonObject, isStrict: boolean): BatchOrder {
  const fields = new Fields(body);
  const window = fields.requiredText('completion_window');
  const endpoint = fields.requiredText('endpoint');
  if (!endpoints.includes(endpoint)) {
    const message = `endpoint must be one of ${endpoints.join(', ')}`;
    throw new PilotlightError('bad_request', message, { param: 'endpoint' });
  }
  const expiry = fields.object('output_expires_after');
  return {
    inputFileId: fields.requiredText('input_file_id'),
    endpoint,
    window,
    windowMs: windowMsOf(window, isStrict),
    metadata: metadataOf(fields.object('metadata')),
    keepFilesMs: expiry === null ? null : readExpiry(expiry, 'output_expires_after'),
  };
}

function windowMsOf(window: string, isStrict: boolean): number {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(window) ?? [];
  const ms = Number(count) * (unitMs[unit] ?? 0);
  if (window === '24h' || (!isStrict && ms > 0 && ms <= maxWindowMs)) return ms;
  const message = isStrict
    ? 'completion_window must be 24h'
    : 'completion_window must be a time such as 24h or 30m, of at most 30d';
  throw new PilotlightError('bad_request', message, { param: 'completion_window' });
}

/** Labels that a client hangs on an object: at most 16, as OpenAI's. Throws bad_request. */
export function metadataOf(given: JsonObject | null): Readonly<Record<string, string>> | null {
  if (given === null) return null;
  const entries = Object.entries(given);
  const fits = entries.every(
    ([key, value]) => key.length <= 64 && typeof value === 'string' && value.length <= 512,
  );
  if (fits && entries.length <= 16) return given as Record<string, string>;
  const message = 'metadata must be at most 16 texts of at most 512 characters, with names of at most 64';
  throw new PilotlightError('bad_request', message, { param: 'metadata' });
}
