import type { FastifyCorsOptions, FastifyCorsOptionsDelegateCallback } from '@fastify/cors';
import type { FastifyRequest } from 'fastify';

const exposedHeaders = [
  'x-request-id',
  'retry-after',
  'retry-after-ms',
  'x-should-retry',
  'server-timing',
  'x-pilotlight-cold-start',
];
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
const maxAgeS = 600;

/**
 * Options of @fastify/cors for these origins (`*` = all): an origin that is not among them gets no field, only a
 * preflight is answered as one, and credentials (cookies) are never allowed, since clients show a key.
 */
export function corsOptions(origins: readonly string[]): { delegator: FastifyCorsOptionsDelegateCallback } {
  const origin = origins.includes('*') ? '*' : [...origins];
  const refused: FastifyCorsOptions = { origin: false };
  const actual: FastifyCorsOptions = { origin, exposedHeaders, preflight: false };
  const preflight: FastifyCorsOptions = { origin, methods, maxAge: maxAgeS };
  const optionsFor = ({ headers, method }: FastifyRequest) => {
    if (origin !== '*' && !origins.includes(headers.origin ?? '')) return refused;
    const isPreflight = method === 'OPTIONS' && headers['access-control-request-method'] !== undefined;
    return isPreflight && headers.origin !== undefined ? preflight : actual;
  };
  return { delegator: (request, done) => done(null, optionsFor(request)) };
}
