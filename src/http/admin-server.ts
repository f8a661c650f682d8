import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Registry } from 'prom-client';
import type { Arrival } from '../arrival.ts';
import type { ServerSettings } from '../config/settings.ts';
import { PilotlightError, toPilotlightError } from '../core/errors.ts';
import type { Dialect } from '../core/protocol.ts';
import { sendError } from '../forward/reply.ts';
import type { Pipeline } from '../pipeline.ts';
import { intentOf, modelNotFound } from '../protocols/model-name.ts';
import { challenge, isSameSecret, presentedKey } from './auth.ts';
import type { Connections } from './connections.ts';
import { headOf } from './door.ts';
import { checkHead, requestIdOf } from './head.ts';
import { createListener } from './listener.ts';
import { routeOtherMethods } from './other-methods.ts';
import { type ScaleControl, scalePath, scaleRoutes } from './scale-routes.ts';
import { checkOrigin, serveUpgrades, type UpgradeArrival } from './upgrade.ts';

/** What an operator may do to a model. */
export interface ModelControl extends ScaleControl {
  snapshot(): object;
  warm(): void;
  stop(): void;
  pause(): void;
  resume(): void;
}

/** What the admin port serves. */
export interface AdminServerOptions {
  readonly server: ServerSettings;
  readonly connections: Connections;
  readonly dialect: Dialect;
  readonly registry: Registry;
  readonly pipeline: Pipeline;
  readonly controls: () => ReadonlyMap<string, ModelControl>;
  /** Why the gateway is not ready to take requests, or null. */
  readonly unready: () => string | null;
  /** The fault of the last configuration that was refused, or null. */
  readonly configFault: () => string | null;
  /** Who has what of what all models share, in plain JSON. */
  readonly room: () => object;
}

const verbs = ['warm', 'stop', 'pause', 'resume'] as const;

/** The admin port: /healthz /readyz /metrics for everybody, /api and /upstream for operators. */
export function createAdminServer(options: AdminServerOptions): FastifyInstance {
  const { server, connections, dialect } = options;
  const { limits } = server;
  const fastify = createListener({ limits, tls: null, http2: null, connections, dialectOf: () => dialect });
  fastify.addHook('onRequest', async (request, reply) => {
    checkHead(request.raw, limits.headerCount);
    reply.header('x-request-id', requestIdOf(request.raw));
  });
  openRoutes(fastify, options);
  void fastify.register(async (guarded) => {
    guarded.addHook('onRequest', async (request) => checkOperator(request.raw, server.admin));
    operatorRoutes(guarded, options);
  });
  serveUpgrades(fastify.server, (arrival) => takeUpgrade(options, arrival));
  fastify.setNotFoundHandler((request) => {
    throw new PilotlightError(
      'route_not_found',
      `no route ${request.method} ${request.url} on the admin port`,
    );
  });
  return fastify;
}

function openRoutes(fastify: FastifyInstance, options: AdminServerOptions): void {
  const { registry } = options;
  page(fastify, '/healthz', () => ({ status: 'ok' }));
  page(fastify, '/readyz', (_request, reply) => {
    const reason = options.unready();
    if (reason !== null) reply.code(503).header('retry-after', '1');
    return { status: reason === null ? 'ready' : reason, config: options.configFault() ?? 'ok' };
  });
  page(fastify, '/metrics', async (_request, reply) => {
    reply.header('content-type', registry.contentType);
    return registry.metrics();
  });
}

function operatorRoutes(fastify: FastifyInstance, options: AdminServerOptions): void {
  page(fastify, '/api/gpus', () => options.room());
  page(fastify, '/api/models', () => ({
    models: [...options.controls().values()].map((control) => control.snapshot()),
  }));
  page(fastify, '/api/models/:id', (request) => controlOf(options, idOf(request)).snapshot());
  for (const verb of verbs) {
    const path = `/api/models/:id/${verb}`;
    fastify.post(path, (request) => {
      const control = controlOf(options, idOf(request));
      control[verb]();
      return control.snapshot();
    });
    refuseOthers(fastify, path, ['POST']);
  }
  scaleRoutes(fastify, (request) => controlOf(options, idOf(request)));
  refuseOthers(fastify, scalePath.path, scalePath.methods);
  fastify.route<{ Params: { model: string } }>({
    method: fastify.supportedMethods,
    url: '/upstream/:model/*',
    // After the guard and before Fastify looks at the body, which is the backend's.
    onRequest: (request, reply) => {
      reply.hijack();
      passUpstream(options, { req: request.raw, res: reply.raw, upgrade: null });
    },
    handler: () => undefined,
  });
}

type Page = (request: FastifyRequest, reply: FastifyReply) => unknown;

/** Node leaves the body out where it was asked with HEAD. */
function page(fastify: FastifyInstance, path: string, handler: Page): void {
  const methods = ['GET', 'HEAD'];
  fastify.route({ method: methods, url: path, handler });
  refuseOthers(fastify, path, methods);
}

function refuseOthers(fastify: FastifyInstance, path: string, methods: readonly string[]): void {
  routeOtherMethods(fastify, { path, methods }, (_request, _reply, error) => {
    throw error();
  });
}

function idOf(request: FastifyRequest): string {
  return (request.params as { id: string }).id;
}

/** A backend's own page, through the gate like every request: it wakes the model and takes a slot. */
function passUpstream(
  { pipeline, dialect }: AdminServerOptions,
  { req, res, upgrade }: Pick<Arrival, 'req' | 'res' | 'upgrade'>,
): void {
  const [prefix, model] = /^\/upstream\/([^/]+)/.exec(req.url!)!;
  pipeline.handle(
    {
      req,
      res,
      upgrade,
      head: headOf(req),
      dialect,
      requestId: requestIdOf(req),
      key: null,
      extraHeaders: [],
      forwardPath: req.url!.slice(prefix.length),
      isJson: false,
    },
    intentOf(decoded(model!)),
  );
}

/** Throws bad_request; of a WebSocket's path nobody has looked at the escapes before. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch (cause) {
    throw new PilotlightError('bad_request', `malformed URL: ${name} cannot be decoded`, { cause });
  }
}

/** A WebSocket of a backend's own page. */
function takeUpgrade(options: AdminServerOptions, arrival: UpgradeArrival): void {
  const { server, dialect } = options;
  const { req, res, upgrade } = arrival;
  try {
    checkHead(req, server.limits.headerCount);
    checkOperator(req, server.admin);
    checkOrigin(req, []);
    if (!/^\/upstream\/[^/]+\//.test(req.url!)) {
      throw new PilotlightError('route_not_found', `no WebSocket ${req.url} on the admin port`);
    }
    passUpstream(options, arrival);
  } catch (error) {
    const context = { req, res, upgrade, dialect, requestId: requestIdOf(req), extraHeaders: [] };
    sendError(context, toPilotlightError(error));
  }
}

function controlOf({ controls }: AdminServerOptions, id: string): ModelControl {
  const control = controls().get(id);
  if (control !== undefined) return control;
  throw modelNotFound(id, [...controls().keys()]);
}

const loopbackHosts = /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/i;

/**
 * With a token: the token. Without (only on loopback): a loopback name, so that no web page rebinds its way in, and no
 * page of another origin, any of which a browser lets POST to here.
 */
function checkOperator(req: IncomingMessage, { token }: ServerSettings['admin']): void {
  if (token === null) {
    if (loopbackHosts.test(req.headers.host ?? '')) {
      checkOrigin(req, []);
      return;
    }
    throw new PilotlightError(
      'forbidden_host',
      'without server.admin.token the admin port answers only to loopback names',
    );
  }
  const presented = presentedKey(req);
  if (presented !== null && isSameSecret(presented, token)) return;
  throw new PilotlightError(
    'invalid_admin_token',
    'the admin port needs Authorization: Bearer TOKEN (server.admin.token)',
    { headers: challenge(presented) },
  );
}
