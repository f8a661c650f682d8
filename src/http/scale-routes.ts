import type { FastifyInstance, FastifyRequest } from 'fastify';
import { PilotlightError } from '../core/errors.ts';

/** What an operator may see and change of a model's `scale` while it runs; each answers with what holds then. */
export interface ScaleControl {
  scale(): object;
  /** Takes a JSON Merge Patch; throws invalid_settings. */
  patchScale(patch: unknown): object;
  /** Takes all changes back. */
  resetScale(): object;
}

/** Where they are, and the methods that they take. */
export const scalePath = { path: '/api/models/:id/scale', methods: ['GET', 'HEAD', 'PATCH', 'DELETE'] };

const maxPatchBytes = 64 * 1024;
const patchTypes = ['application/json', 'application/merge-patch+json'];

/** `/api/models/:id/scale`; `controlOf` throws model_not_found. Who may ask is checked before. */
export function scaleRoutes(
  fastify: FastifyInstance,
  controlOf: (request: FastifyRequest) => ScaleControl,
): void {
  // A scope of its own: the only bodies that the admin port reads by itself.
  void fastify.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      patchTypes,
      { parseAs: 'string', bodyLimit: maxPatchBytes },
      (_request, body, done) => {
        done(null, body);
      },
    );
    scope.setErrorHandler((error) => {
      throw bodyError(error);
    });
    const url = scalePath.path;
    scope.route({ method: ['GET', 'HEAD'], url, handler: (request) => controlOf(request).scale() });
    scope.patch(url, (request) => controlOf(request).patchScale(parsed(request.body)));
    scope.delete(url, { bodyLimit: maxPatchBytes }, (request) => controlOf(request).resetScale());
  });
}

/** Throws invalid_body. */
function parsed(body: unknown): unknown {
  if (typeof body !== 'string' || body === '')
    throw new PilotlightError(
      'invalid_body',
      'the request has no body: send a JSON object, such as {"min":1}',
    );
  try {
    return JSON.parse(body) as unknown;
  } catch (cause) {
    throw new PilotlightError('invalid_body', `the body is not JSON: ${(cause as Error).message}`, { cause });
  }
}

/** What Fastify says of a body, in our codes; anything else as it is. */
function bodyError(error: unknown): unknown {
  const { code } = error as { code?: unknown };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new PilotlightError('body_too_large', `the body has more than ${maxPatchBytes} bytes`);
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE')
    return new PilotlightError('bad_request', `the content-type must be ${patchTypes.join(' or ')}`);
  return error;
}
