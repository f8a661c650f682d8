import { METHODS } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { PilotlightError } from '../core/errors.ts';

/** A path and the methods that it takes. */
export interface PathMethods {
  readonly path: string;
  readonly methods: readonly string[];
}

/** Makes Fastify route every method that Node parses, so that none is answered past our handlers. */
export function acceptAllMethods(fastify: FastifyInstance): void {
  const known = new Set<string>(fastify.supportedMethods);
  for (const method of METHODS) {
    if (!known.has(method) && method !== 'CONNECT') fastify.addHttpMethod(method, { hasBody: false });
  }
}

/** Routes the methods that a path does not take to `handler`, with the error that tells those it does. */
export function routeOtherMethods(
  fastify: FastifyInstance,
  { path, methods }: PathMethods,
  handler: (request: FastifyRequest, reply: FastifyReply, error: () => PilotlightError) => void,
): void {
  const others = fastify.supportedMethods.filter((method) => !methods.includes(method));
  const allow = methods.join(', ');
  fastify.route({
    method: others,
    url: path,
    // Before Fastify looks at the body, which nobody reads.
    onRequest: (request, reply, _done) => {
      const message = `${request.method} is not allowed on ${path}: use ${allow}`;
      const headers = ['allow', allow];
      handler(request, reply, () => new PilotlightError('method_not_allowed', message, { headers }));
    },
    handler: () => undefined,
  });
}
