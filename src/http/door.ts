import type { IncomingMessage } from 'node:http';
import type { FastifyReply } from 'fastify';
import type { Arrival, Naming } from '../arrival.ts';
import type { ModelSettings, ServerSettings } from '../config/settings.ts';
import { PilotlightError } from '../core/errors.ts';
import type { Dialect, ProtocolRoute, RequestHead } from '../core/protocol.ts';
import type { FlatHeaders } from '../forward/headers.ts';
import { tooLarge } from '../forward/request-body.ts';
import type { Pipeline } from '../pipeline.ts';
import { intentOf } from '../protocols/model-name.ts';
import type { KeyRing } from './auth.ts';
import { checkHead, requestIdOf } from './head.ts';
import { findMatch, type Match } from './match.ts';
import { checkOrigin, type UpgradeArrival } from './upgrade.ts';

/** What the door needs to know. `keyRing` and `models` are asked for each request, so that a reload is seen. */
export interface DoorOptions {
  readonly server: ServerSettings;
  /** How errors are written where no route is known. */
  readonly dialect: Dialect;
  readonly pipeline: Pipeline;
  readonly keyRing: () => KeyRing;
  readonly models: () => ReadonlyMap<string, ModelSettings>;
}

const none: FlatHeaders = [];

type Context = Pick<Arrival, 'req' | 'res' | 'dialect' | 'requestId' | 'extraHeaders' | 'upgrade'>;

/** Where a request comes in: authenticated, matched with a model or a protocol, and handed to the pipeline. */
export class Door {
  readonly #options: DoorOptions;
  readonly #hasHooks: boolean;
  #seenModels: ReadonlyMap<string, ModelSettings> | null = null;
  #matching: readonly ModelSettings[] = [];

  constructor(options: DoorOptions) {
    this.#options = options;
    this.#hasHooks = options.server.corsOrigins.length > 0;
  }

  /** `route` null: only a match rule can take it. */
  take(req: IncomingMessage, reply: FastifyReply, route: ProtocolRoute | null): void {
    reply.hijack();
    const context = {
      req,
      res: reply.raw,
      dialect: route?.dialect ?? this.#options.dialect,
      requestId: requestIdOf(req),
      extraHeaders: this.#hasHooks ? fieldsOf(reply) : none,
      upgrade: null,
    };
    this.#admit(context, route);
  }

  /** A request to switch to WebSocket, which comes past Fastify; `route` null as in `take`. */
  takeUpgrade({ req, res, upgrade }: UpgradeArrival, route: ProtocolRoute | null): void {
    const dialect = route?.dialect ?? this.#options.dialect;
    this.#admit({ req, res, upgrade, dialect, requestId: requestIdOf(req), extraHeaders: [] }, route);
  }

  /** Whether a match rule takes it. */
  isMatched(req: IncomingMessage): boolean {
    return this.#match(req, headOf(req)) !== null;
  }

  #admit(context: Context, route: ProtocolRoute | null): void {
    const { pipeline, server, keyRing } = this.#options;
    const { req, res, dialect, requestId, extraHeaders, upgrade } = context;
    try {
      checkHead(req, server.limits.headerCount);
      const key = keyRing().authenticate(req);
      if (upgrade !== null) checkOrigin(req, server.corsOrigins);
      const head = headOf(req);
      const match = this.#match(req, head);
      const naming = match === null ? namingOf(req, head, route) : intentOf(match.model);
      if (Number(req.headers['content-length']) > server.maxBodyBytes) throw tooLarge(server.maxBodyBytes);
      const forwardPath = match?.forwardPath ?? req.url!;
      const isJson = match === null && upgrade === null && route?.mayAnswerOther !== true;
      pipeline.handle(
        { req, res, dialect, requestId, extraHeaders, upgrade, head, key, forwardPath, isJson },
        naming,
      );
    } catch (error) {
      pipeline.refuse(context, error);
    }
  }

  #match(req: IncomingMessage, head: RequestHead): Match | null {
    const models = this.#options.models();
    if (models !== this.#seenModels) {
      this.#seenModels = models;
      this.#matching = [...models.values()].filter(({ match }) => match !== null);
    }
    if (this.#matching.length === 0) return null;
    const host = (req.headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
    return findMatch(this.#matching, { head, host, headers: req.headers });
  }
}

/** How the protocol learns the model of a request. Throws what the protocol refuses, route_not_found without one. */
function namingOf(req: IncomingMessage, head: RequestHead, route: ProtocolRoute | null): Naming {
  if (route === null) throw new PilotlightError('route_not_found', `no route ${head.method} ${head.path}`);
  const parser = route.parser(head);
  if (parser === null) return route.intent!(head);
  if ((req.headers['content-encoding'] ?? 'identity') === 'identity') return parser;
  const message = 'the body must not be compressed: its model field is read here';
  throw new PilotlightError('unsupported_encoding', message);
}

/** The part of a request's head that protocols look at. */
export function headOf(req: IncomingMessage): RequestHead {
  const url = req.url ?? '/';
  const mark = url.indexOf('?');
  return {
    method: req.method ?? 'GET',
    path: mark === -1 ? url : url.slice(0, mark),
    query: mark === -1 ? '' : url.slice(mark + 1),
    contentType: req.headers['content-type'] ?? '',
  };
}

/** What hooks (CORS) set on the reply, for answers that are written past Fastify. */
export function fieldsOf(reply: FastifyReply): FlatHeaders {
  const out: FlatHeaders = [];
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    for (const one of Array.isArray(value) ? value : [value])
      if (one !== undefined) out.push(name, String(one));
  }
  return out;
}
