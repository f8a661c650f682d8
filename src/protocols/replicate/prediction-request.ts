import { randomBytes } from 'node:crypto';
import type { Desk, DeskModel, JobOrder } from '../../core/desk.ts';
import { PilotlightError } from '../../core/errors.ts';
import type { DeliveryEvent, JobWebhook } from '../../core/job.ts';
import type { JsonObject } from '../../core/json.ts';
import type { SurfaceRequest } from '../../core/surface.ts';
import { orderOf as plainOrderOf } from '../job-order.ts';
import { Fields } from '../surface-json.ts';
import type { PredictionMeta } from './prediction.ts';

const webhookEvents = ['start', 'output', 'logs', 'completed'] as const;
const defaultWaitS = 60;

/** What a request names: a version, a model or a deployment. */
export interface Named {
  readonly model: DeskModel;
  readonly meta: Pick<PredictionMeta, 'model' | 'version' | 'deployment'>;
}

/** `owner/name` of a path: a model (or alias) of that whole name, else of the name alone. Throws model_not_found. */
export function modelOf(desk: Desk, owner: string, name: string): DeskModel {
  const whole = `${owner}/${name}`;
  const isWhole = desk.models().some((model) => model.name === whole || model.aliases.includes(whole));
  return desk.model(isWhole ? whole : name);
}

/** The `version` of a body: `owner/name:hash`, `owner/name`, or a name or alias of a model. Throws bad_request (422). */
export function versionOf(desk: Desk, version: string): Named {
  const [bare = ''] = version.split(':', 1);
  const candidates = [version, bare, bare.split('/').at(-1) ?? ''];
  const model = desk
    .models()
    .find(({ name, aliases }) => candidates.some((one) => one === name || aliases.includes(one)));
  if (model !== undefined) return { model, meta: { model: bare, version, deployment: null } };
  const known = desk.models().map(({ name }) => name);
  const message = `version ${JSON.stringify(version)} names no model; there are ${known.join(', ')}`;
  throw new PilotlightError('bad_request', message, { param: 'version' });
}

/** The order for a prediction. Throws invalid_body, bad_request. */
export function orderOf(request: SurfaceRequest, { model, meta }: Named, body: JsonObject): JobOrder {
  const fields = new Fields(body);
  const input = fields.object('input');
  if (input === null) {
    throw new PilotlightError('bad_request', 'input is required: an object', { param: 'input' });
  }
  const id = predictionId();
  const endInMs = deadlineOf(request.headers['cancel-after']);
  const kept: PredictionMeta = {
    ...meta,
    baseUrl: request.baseUrl,
    streamSecret: randomBytes(24).toString('base64url'),
    hasDeadline: endInMs !== null,
  };
  const invocation = {
    path: null,
    method: 'POST',
    contentType: 'application/json',
    headers: {},
    content: { input },
    isStream: isStreamed(model, input, fields.boolean('stream')),
    id,
  };
  return {
    ...plainOrderOf({ surface: 'replicate', model, invocation, request }),
    limits: endInMs === null ? {} : { endInMs },
    webhook: webhookOf(fields),
    meta: { ...kept },
  };
}

/** Language models give their output piece by piece, as Replicate's do; others where `stream` asks for it. */
function isStreamed({ contract }: DeskModel, input: JsonObject, asked: boolean | null): boolean {
  if (asked !== null) return asked;
  return contract.name === 'openai' && ('prompt' in input || 'messages' in input);
}

/** 26 characters of base 32, as Replicate's ids: 130 random bits. */
function predictionId(): string {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
  const random = randomBytes(26);
  return Array.from(random, (byte) => alphabet[byte & 31]).join('');
}

function webhookOf(fields: Fields): JobWebhook | null {
  const url = fields.text('webhook') ?? fields.text('webhook_completed');
  if (url === null || url === '') return null;
  const isCompletedOnly = fields.text('webhook') === null;
  const asked = fields.choices('webhook_events_filter', webhookEvents);
  const events: readonly DeliveryEvent[] = asked ?? (isCompletedOnly ? ['completed'] : webhookEvents);
  return { url: checkedUrl(url), events };
}

function checkedUrl(url: string): string {
  const scheme = URL.parse(url)?.protocol;
  if (scheme === 'https:' || scheme === 'http:') return url;
  throw new PilotlightError('bad_request', 'webhook must be a URL that begins with https://', {
    param: 'webhook',
  });
}

/** Milliseconds that `Prefer: wait` (or `wait=1` to `wait=60`, seconds) has the answer wait for the end; null: not at all. */
export function waitOf(prefer: string | undefined): number | null {
  for (const preference of (prefer ?? '').split(',')) {
    const match = /^\s*wait\s*(?:=\s*"?(\d+)"?\s*)?(?:;.*)?$/i.exec(preference);
    if (match === null) continue;
    const [, digits] = match;
    const seconds = digits === undefined ? defaultWaitS : Number(digits);
    if (seconds < 1 || seconds > defaultWaitS) {
      throw new PilotlightError('bad_request', 'Prefer: wait must be from 1 to 60 seconds', {
        param: 'prefer',
      });
    }
    return seconds * 1000;
  }
  return null;
}

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };

/** Milliseconds of `Cancel-After: 90`, `1m`, `1h30m`; null: there is none. Throws bad_request. */
export function deadlineOf(cancelAfter: string | undefined): number | null {
  if (cancelAfter === undefined) return null;
  const text = cancelAfter.trim();
  const parts = [...text.matchAll(/(\d+)([smh])/g)];
  const isWhole = /^(\d+[smh])+$/.test(text);
  const ms = /^\d+$/.test(text)
    ? Number(text) * 1_000
    : parts.reduce((sum, [, count, unit]) => sum + Number(count) * unitMs[unit!]!, 0);
  if ((isWhole || /^\d+$/.test(text)) && ms >= 5_000 && ms <= 86_400_000) return ms;
  const message = 'Cancel-After must be a duration from 5s to 24h, such as 90s, 1m or 1h30m';
  throw new PilotlightError('bad_request', message, { param: 'cancel-after' });
}
