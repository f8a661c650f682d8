import type { Server } from 'node:http';
import type { ModelSettings, ServerSettings } from '../config/settings.ts';
import { PilotlightError } from '../core/errors.ts';
import type { Dialect, RequestHead } from '../core/protocol.ts';
import type { FlatHeaders } from '../forward/headers.ts';
import { tooLarge } from '../forward/request-body.ts';
import type { Pipeline } from '../pipeline.ts';
import { inferenceMethod } from '../protocols/grpc/inference.ts';
import { intentOf } from '../protocols/model-name.ts';
import type { Crossing, HeldRequest, HeldTraffic } from '../relay/traffic.ts';
import { Call } from '../rpc/call.ts';
import { ownAnswer } from '../rpc/call-answer.ts';
import type { CallArrival, CallNaming } from '../rpc/call-arrival.ts';
import type { KeyRing } from './auth.ts';
import { checkHttp2Head, requestIdOf } from './head.ts';
import { Http2Bridge } from './http2-bridge.ts';
import { findMatch, type Match } from './match.ts';

/** What the door needs to know. `keyRing` and `models` are asked for each request, so that a reload is seen. */
export interface Http2DoorOptions {
  readonly server: ServerSettings;
  /** How errors are written to who does not speak gRPC. */
  readonly dialect: Dialect;
  readonly pipeline: Pipeline;
  readonly keyRing: () => KeyRing;
  readonly models: () => ReadonlyMap<string, ModelSettings>;
  /** The server of HTTP/1.1 on the same port, which serves what no backend of HTTP/2 does. */
  readonly http1: () => Server;
}

/** Where a request over HTTP/2 comes in: authenticated, matched with a model or a method, and handed to the pipeline. */
export class Http2Door implements HeldTraffic {
  readonly #options: Http2DoorOptions;

  constructor(options: Http2DoorOptions) {
    this.#options = options;
  }

  take(request: HeldRequest): Crossing {
    const { pipeline, dialect, server } = this.#options;
    const { target } = request.head;
    const headers = recordOf(request.head.fields);
    const arrival: CallArrival = {
      ...{ request, headers, dialect, key: null, forwardPath: target },
      bodyTimeoutMs: server.limits.bodyTimeoutMs,
      requestId: requestIdOf({ headers }),
      isGrpc: isGrpc(headers['content-type']),
      path: target.split('?', 1)[0]!,
    };
    try {
      return this.#admit(arrival);
    } catch (error) {
      const call = new Call(pipeline, arrival);
      pipeline.admit(call);
      call.refuse(error);
      return call;
    }
  }

  #admit(arrival: CallArrival): Crossing {
    const { pipeline, server, keyRing } = this.#options;
    const { request, headers, requestId } = arrival;
    checkHttp2Head(request.head, server.limits);
    const match = this.#match(arrival);
    if (!arrival.isGrpc && !this.#isHttp2(match)) return this.#bridge(request);
    const key = keyRing().authenticate({ headers });
    const method = match === null && arrival.isGrpc ? inferenceMethod(arrival.path) : null;
    if (method?.kind === 'own') {
      request.answer(ownAnswer(method.name, pipeline.refusal === null, requestId));
      return notedElsewhere;
    }
    if ((request.head.bodyBytes ?? 0) > server.maxBodyBytes) throw tooLarge(server.maxBodyBytes);
    const naming = namingOf(arrival, match);
    const call = new Call(pipeline, { ...arrival, key, ...(match && { forwardPath: match.forwardPath }) });
    pipeline.admit(call);
    const { refusal } = pipeline;
    if (refusal === null) call.begin(naming);
    else call.refuse(refusal);
    return call;
  }

  #isHttp2(match: Match | null): boolean {
    const model = match === null ? undefined : this.#options.models().get(match.model);
    return model?.revision.httpVersion === 2;
  }

  #bridge(request: HeldRequest): Crossing {
    const server = this.#options.http1();
    try {
      request.forwardBy((sink) => new Http2Bridge(sink, request.head, server));
    } catch (cause) {
      throw new PilotlightError('bad_request', 'the head cannot be passed on', { cause });
    }
    return notedElsewhere;
  }

  #match({ request, headers, path }: CallArrival): Match | null {
    const { method, target, authority } = request.head;
    const head: RequestHead = {
      method,
      path,
      query: target.slice(path.length + 1),
      contentType: headers['content-type'] ?? '',
    };
    const host = authority.replace(/:\d+$/, '').toLowerCase();
    return findMatch(this.#options.models().values(), { head, host, headers });
  }
}

/** How the model becomes known. Throws route_not_found. */
function namingOf({ path }: CallArrival, match: Match | null): CallNaming {
  if (match !== null) return intentOf(match.model);
  const method = inferenceMethod(path);
  if (method?.kind === 'model') return { inMessage: true, isStream: method.isStream };
  const what = method === null ? 'no match rule takes it' : 'it names no model, and no match rule takes it';
  throw new PilotlightError('route_not_found', `no method ${path} here: ${what}`);
}

/** gRPC itself, with any coding of its messages; gRPC-Web is a protocol of its own. */
function isGrpc(contentType: string | undefined): boolean {
  return /^application\/grpc([+;]|$)/i.test(contentType ?? '');
}

/** Of a field that came more than once all values, in order (RFC 9110, 5.3; cookies as RFC 9113, 8.2.3 has it). */
function recordOf(fields: FlatHeaders): Record<string, string> {
  const out: Record<string, string> = Object.create(null);
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i]!;
    const before = out[name];
    out[name] =
      before === undefined ? fields[i + 1]! : `${before}${name === 'cookie' ? '; ' : ', '}${fields[i + 1]}`;
  }
  return out;
}

/** Of one that is answered at once nothing is noted; of one that goes over the bridge all is noted behind it. */
const notedElsewhere: Crossing = {
  onHead: (_status, fields) => fields,
  onBytes: () => undefined,
  onUpload: () => undefined,
  onBroken: () => ({ status: 502, fields: [], body: '' }),
  brokenEvent: () => null,
  onEnd: () => undefined,
};
