import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Registry } from 'prom-client';
import type { ServerSettings } from '../config/settings.ts';
import { PilotlightError } from '../core/errors.ts';
import type { Dialect } from '../core/protocol.ts';
import type { Pipeline } from '../pipeline.ts';
import { intentOf } from '../protocols/model-name.ts';
import { isSameSecret, presentedKey } from './auth.ts';
import { headOf } from './door.ts';
import { createListener, requestIdOf } from './listener.ts';

/** What an operator may do to a model. */
export interface ModelControl {
  snapshot(): object;
  warm(): void;
  stop(): void;
  pause(): void;
  resume(): void;
}

/** What the admin port serves. */
export interface AdminServerOptions {
  readonly server: ServerSettings;
  readonly dialect: Dialect;
  readonly registry: Registry;
  readonly pipeline: Pipeline;
  readonly controls: () => ReadonlyMap<string, ModelControl>;
  /** Why the gateway is not ready to take requests, or null. */
  readonly unready: () => string | null;
  /** The fault of the last configuration that was refused, or null. */
  readonly configFault: () => string | null;
}

const verbs = ['warm', 'stop', 'pause', 'resume'] as const;

/** The admin port: /healthz /readyz /metrics for everybody, /api and /upstream for operators. */
export function createAdminServer(options: AdminServerOptions): FastifyInstance {
  const { server, dialect, registry } = options;
  const fastify = createListener({ limits: server.limits, tls: null, dialect });
  fastify.get('/healthz', () => ({ status: 'ok' }));
  fastify.get('/readyz', (_request, reply) => {
    const reason = options.unready();
    reply.code(reason === null ? 200 : 503);
    return { status: reason === null ? 'ready' : reason, config: options.configFault() ?? 'ok' };
  });
  fastify.get('/metrics', async (_request, reply) => {
    reply.header('content-type', registry.contentType);
    return registry.metrics();
  });
  void fastify.register(async (guarded) => {
    guarded.addHook('onRequest', async (request) => checkOperator(request.raw, server.admin));
    operatorRoutes(guarded, options);
  });
  fastify.setNotFoundHandler((request) => {
    throw new PilotlightError(
      'route_not_found',
      `no route ${request.method} ${request.url} on the admin port`,
    );
  });
  return fastify;
}

function operatorRoutes(fastify: FastifyInstance, options: AdminServerOptions): void {
  fastify.get('/api/models', () => ({
    models: [...options.controls().values()].map((control) => control.snapshot()),
  }));
  fastify.get<{ Params: { id: string } }>('/api/models/:id', (request) =>
    controlOf(options, request.params.id).snapshot(),
  );
  for (const verb of verbs) {
    fastify.post<{ Params: { id: string } }>(`/api/models/:id/${verb}`, (request) => {
      const control = controlOf(options, request.params.id);
      control[verb]();
      return control.snapshot();
    });
  }
  fastify.all<{ Params: { model: string } }>('/upstream/:model/*', (request, reply) => {
    passUpstream(options, request.params.model, request.raw, reply);
  });
}

/** A backend's own page, through the gate like every request: it wakes the model and takes a slot. */
function passUpstream(
  { pipeline, dialect }: AdminServerOptions,
  model: string,
  req: IncomingMessage,
  reply: FastifyReply,
): void {
  reply.hijack();
  const prefix = /^\/upstream\/[^/]+/.exec(req.url!)![0];
  pipeline.handle({
    req,
    res: reply.raw,
    head: headOf(req),
    dialect,
    requestId: requestIdOf(req),
    key: null,
    extraHeaders: [],
    parser: null,
    intent: intentOf(model),
    forwardPath: req.url!.slice(prefix.length),
  });
}

function controlOf({ controls }: AdminServerOptions, id: string): ModelControl {
  const control = controls().get(id);
  if (control !== undefined) return control;
  throw new PilotlightError(
    'model_not_found',
    `model ${JSON.stringify(id)} not found; known: ${[...controls().keys()].join(', ')}`,
  );
}

const loopbackHosts = /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/i;

/** With a token: the token. Without (only on loopback): a loopback name, so that no web page rebinds its way in. */
function checkOperator(req: IncomingMessage, { token }: ServerSettings['admin']): void {
  if (token === null) {
    if (loopbackHosts.test(req.headers.host ?? '')) return;
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
  );
}
