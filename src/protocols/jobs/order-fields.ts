import type { JobOrder } from '../../core/desk.ts';
import { PilotlightError } from '../../core/errors.ts';
import type { DeliveryEvent, JobPriority, JobWebhook } from '../../core/job.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Caller, SurfaceRequest } from '../../core/surface.ts';
import { Fields } from '../surface-json.ts';

const priorities = ['high', 'normal', 'low'] as const;
const events = ['start', 'output', 'logs', 'completed'] as const;
const yearS = 31_536_000;

/** By which a client asks for the class of its job, as for that of a live request. */
const priorityField = 'x-pilotlight-priority';
/** Where a job that came as a plain request is told of, and of what (`completed` unless `start`, `output`, `logs` are named). */
const webhookField = 'x-pilotlight-webhook';
const webhookEventsField = 'x-pilotlight-webhook-events';

/** What a job order says besides what is asked of which model. */
export type OrderTerms = Pick<JobOrder, 'priority' | 'limits' | 'webhook'> & {
  readonly metadata: JsonObject;
};

/** Of a request on a route of OpenAI's, which has room for it in its header fields alone. Throws bad_request. */
export function termsOfHead({ headers, caller }: SurfaceRequest): OrderTerms {
  const asked = headers[priorityField]?.toLowerCase();
  const url = headers[webhookField];
  const listed = headers[webhookEventsField]?.split(',').map((name) => name.trim()) ?? ['completed'];
  const unknown = listed.find((name) => !events.includes(name as DeliveryEvent));
  if (unknown !== undefined) {
    const message = `${webhookEventsField} must be out of ${events.join(', ')}`;
    throw new PilotlightError('bad_request', message, { param: webhookEventsField });
  }
  return {
    priority: capped(priorities.find((name) => name === asked) ?? 'normal', caller),
    limits: {},
    webhook: url === undefined ? null : { url, events: listed as readonly DeliveryEvent[] },
    metadata: {},
  };
}

/** Of an order in JSON; instants are in seconds from now. Throws bad_request. */
export function termsOf(body: JsonObject, { caller }: SurfaceRequest): OrderTerms {
  const fields = new Fields(body);
  const [priority = 'normal'] = oneOf(fields, 'priority', priorities);
  return {
    priority: capped(priority, caller),
    limits: limitsOf(fields, priority),
    webhook: webhookOf(body, fields),
    metadata: fields.object('metadata') ?? {},
  };
}

function limitsOf(fields: Fields, priority: JobPriority): JobOrder['limits'] {
  const ms = (name: string) => {
    const seconds = fields.number(name, { min: 1, max: yearS });
    return seconds === null ? null : Math.round(seconds * 1000);
  };
  const beginInMs = ms('begin_within');
  const endInMs = ms('end_within');
  const forceInMs = ms('force_after');
  const runMs = ms('run_for');
  const keepMs = ms('keep');
  const maxAttempts = fields.number('attempts', { min: 1, max: 100 });
  if (forceInMs !== null && priority !== 'low') {
    const message = 'force_after goes with priority "low": from then on such a job wakes its model';
    throw new PilotlightError('bad_request', message, { param: 'force_after' });
  }
  return {
    ...(beginInMs === null ? {} : { beginInMs }),
    ...(endInMs === null ? {} : { endInMs }),
    ...(forceInMs === null ? {} : { forceInMs }),
    ...(runMs === null ? {} : { runMs }),
    ...(keepMs === null ? {} : { keepMs }),
    ...(maxAttempts === null ? {} : { maxAttempts: Math.floor(maxAttempts) }),
  };
}

/** A URL, or `{ url, events }`. */
function webhookOf(body: JsonObject, fields: Fields): JobWebhook | null {
  if (typeof body.webhook === 'string') return { url: body.webhook, events: ['completed'] };
  const webhook = fields.object('webhook');
  if (webhook === null) return null;
  const inner = new Fields(webhook, 'webhook.');
  return { url: inner.requiredText('url'), events: inner.choices('events', events) ?? ['completed'] };
}

/** The text of a field as a list of one, or of none where it is not there. */
function oneOf<T extends string>(fields: Fields, name: string, allowed: readonly T[]): readonly T[] {
  const text = fields.text(name);
  if (text === null) return [];
  const found = allowed.find((one) => one === text);
  if (found !== undefined) return [found];
  throw new PilotlightError('bad_request', `${name} must be one of ${allowed.join(', ')}`, { param: name });
}

/** None above that of its key. */
function capped(priority: JobPriority, { highestClass }: Caller): JobPriority {
  return priorities[Math.max(priorities.indexOf(priority), highestClass)]!;
}
