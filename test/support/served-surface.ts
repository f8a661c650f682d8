import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import type { Desk } from '../../src/core/desk.ts';
import { PilotlightError, toPilotlightError } from '../../src/core/errors.ts';
import type { Surface, SurfaceOptions, SurfaceReply, SurfaceRoute } from '../../src/core/surface.ts';

/** A surface behind a real socket, before a played desk: for clients that speak HTTP alone. */
export async function serveSurface(
  surface: Surface,
  desk: Desk,
  options: Partial<SurfaceOptions> = {},
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const app = fastify({ forceCloseConnections: true });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  const routes = surface.routes({ limits: 'own', isBesideOpenai: false, ...options });
  app.all('*', (request, reply) => {
    const path = request.url.split('?', 1)[0]!;
    const found = routes
      .filter(({ methods }) => methods.includes(request.method))
      .map((route) => ({ route, params: paramsOf(route.path, path) }))
      .find(({ params }) => params !== null);
    if (found === undefined) return reply.code(404).send('no such route');
    return answer(found.route, { surface, desk, request, reply, params: found.params! });
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => app.close() };
}

interface Exchange {
  readonly surface: Surface;
  readonly desk: Desk;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly params: Record<string, string>;
}

/** Of a pattern such as `/v1/models/:model::predict`; null: the path is none of it. */
function paramsOf(pattern: string, path: string): Record<string, string> | null {
  const source = pattern.replaceAll(/::|:(\w+)/g, (_whole, name?: string) =>
    name ? `(?<${name}>[^/]+)` : ':',
  );
  const groups = new RegExp(`^${source}$`).exec(path);
  if (groups === null) return null;
  return Object.fromEntries(
    Object.entries(groups.groups ?? {}).map(([name, value]) => [name, decodeURIComponent(value)]),
  );
}

async function answer(
  route: SurfaceRoute,
  { surface, desk, request, reply, params }: Exchange,
): Promise<FastifyReply> {
  const { dialect } = { ...surface, ...route };
  try {
    const { maxBodyBytes } = route;
    if (maxBodyBytes !== null && Number(request.headers['content-length']) > maxBodyBytes)
      throw new PilotlightError('body_too_large', `at most ${maxBodyBytes} bytes are taken here`);
    return send(reply, await route.handle(surfaceRequest(request, params), desk, null));
  } catch (thrown) {
    const error = toPilotlightError(thrown);
    return reply
      .code(dialect.statusOf?.(error) ?? error.spec.status)
      .headers({ 'content-type': 'application/json', ...dialect.headersOf?.(error) })
      .send(dialect.renderError(error));
  }
}

function send(reply: FastifyReply, { status, headers, body }: SurfaceReply): FastifyReply {
  reply.code(status).headers(headers);
  if (body === null || typeof body === 'string' || Buffer.isBuffer(body)) return reply.send(body ?? '');
  return reply.send(Readable.from(body as AsyncIterable<Buffer>, { objectMode: false }));
}

function surfaceRequest(request: FastifyRequest, params: Record<string, string>) {
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  );
  return {
    method: request.method,
    path: request.url.split('?', 1)[0]!,
    params,
    query: new URLSearchParams(request.url.split('?', 2)[1] ?? ''),
    headers,
    body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
    baseUrl: `http://${request.headers.host}`,
    caller: {
      tenant: '',
      requestId: 'req-1',
      highestClass: 0,
      signal: new AbortController().signal,
    } as const,
  };
}
