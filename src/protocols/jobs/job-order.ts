import type { Invocation } from '../../core/contract.ts';
import type { Desk, JobOrder } from '../../core/desk.ts';
import { PilotlightError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { ProtocolRoute } from '../../core/protocol.ts';
import type { SurfaceRequest } from '../../core/surface.ts';
import { orderOf } from '../job-order.ts';
import { jsonMember } from '../json-member.ts';
import { invocationAsItCame, openaiPath, pickFields } from '../pass-on.ts';
import { Fields, readJsonObject } from '../surface-json.ts';
import { newJobId } from './job-ids.ts';
import type { JobMeta } from './job-view.ts';
import { type OrderTerms, termsOf, termsOfHead } from './order-fields.ts';

/** Fields of a client that mean something to a backend. */
const passedFields = [
  'accept',
  'anthropic-beta',
  'anthropic-version',
  'openai-beta',
  'traceparent',
  'tracestate',
];

/** The order for a request on a route of OpenAI's or Anthropic's API. Throws what the route refuses, model_not_found. */
export function orderOfRequest(request: SurfaceRequest, desk: Desk, route: ProtocolRoute): JobOrder {
  const { method, path, query, headers, body } = request;
  const contentType = headers['content-type'] ?? '';
  const parser = route.parser({ method, path, query: query.toString(), contentType })!;
  const parsed = parser.push(body);
  const { model: name, isStream } = parsed === 'more' ? parser.end() : parsed;
  const search = query.size === 0 ? '' : `?${query.toString()}`;
  const sent = { path: path + search, headers: pickFields(headers, passedFields), isStream };
  const invocation = { ...invocationAsItCame(request, sent), id: newJobId() };
  return whole(request, { desk, name, invocation, terms: termsOfHead(request), ownId: null });
}

/** The order in the body of POST /v1/jobs and PUT /v1/jobs/{id}. Throws invalid_body, bad_request, model_not_found. */
export function orderOfBody(
  request: SurfaceRequest,
  desk: Desk,
  { id, ownId }: { readonly id: string; readonly ownId: string | null },
): JobOrder {
  const order = readJsonObject(request.body);
  const fields = new Fields(order);
  const path = fields.text('path');
  const { name, content, isStream } =
    path === null ? inputOf(order, fields) : bodyOf(order, fields, request.body);
  const invocation: Invocation = {
    path: path === null ? null : openaiPath(path),
    method: 'POST',
    contentType: 'application/json',
    headers: {},
    content,
    isStream,
    id,
  };
  return whole(request, { desk, name, invocation, terms: termsOf(order, request), ownId });
}

interface Asked {
  readonly name: string;
  readonly content: Invocation['content'];
  readonly isStream: boolean;
}

/** `{ path, body }`: a request of OpenAI's API. Its bytes go on as they are written: numbers are not rounded. */
function bodyOf(order: JsonObject, fields: Fields, whole: Buffer): Asked {
  const body = fields.object('body');
  if (body === null)
    throw new PilotlightError('bad_request', 'body is required beside path: an object', { param: 'body' });
  if (order.input !== undefined)
    throw new PilotlightError('bad_request', 'input goes without path', { param: 'input' });
  const content = { body: Buffer.from(jsonMember(whole.toString('utf8'), 'body') ?? '') };
  return { name: new Fields(body, 'body.').requiredText('model'), content, isStream: body.stream === true };
}

/** `{ model, input }`: what the model's contract makes of it. */
function inputOf(order: JsonObject, fields: Fields): Asked {
  const name = fields.requiredText('model');
  const { input } = order;
  if (input === undefined || input === null) {
    const message = 'either path and body, or model and input are required';
    throw new PilotlightError('bad_request', message, { param: 'input' });
  }
  return { name, content: { input }, isStream: fields.boolean('stream') === true };
}

interface OrderParts {
  readonly desk: Desk;
  readonly name: string;
  readonly invocation: Invocation;
  readonly terms: OrderTerms;
  readonly ownId: string | null;
}

function whole(request: SurfaceRequest, { desk, name, invocation, terms, ownId }: OrderParts): JobOrder {
  const { metadata, ...rest } = terms;
  const meta: JobMeta = { ownId, baseUrl: request.baseUrl, metadata };
  const model = desk.model(name);
  return { ...orderOf({ surface: 'jobs', model, invocation, request }), ...rest, meta: { ...meta } };
}
