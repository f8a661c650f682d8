import { PilotlightError } from '../../src/core/errors.ts';
import type { Surface, SurfaceReply, SurfaceRequest, SurfaceRoute } from '../../src/core/surface.ts';

type Handle = SurfaceRoute['handle'];

/** A route that answers as the test says. */
export function route(
  methods: string,
  path: string,
  handle: Handle,
  more: Partial<SurfaceRoute> = {},
): SurfaceRoute {
  return { methods: methods.split(' '), path, maxBodyBytes: null, handle, ...more };
}

/** A surface with these routes; its errors are `{"oops":CODE}`, with a status of its own for bad_request. */
export function playedSurface(routes: readonly SurfaceRoute[], name: Surface['name'] = 'replicate'): Surface {
  return {
    name,
    hasJobs: false,
    routes: () => routes,
    dialect: {
      name,
      renderError: ({ code }) => JSON.stringify({ oops: code }),
      renderStreamError: ({ code }) => `event: oops\ndata: ${code}\n\n`,
      renderHeartbeat: () => ': \n\n',
      statusOf: ({ code, spec }) => (code === 'bad_request' ? 418 : spec.status),
      headersOf: ({ code }) => ({ 'x-oops': code }),
    },
  };
}

/** What a handler was given, as JSON. */
export const mirror: Handle = async (request) => json(shown(request));

function shown({ method, path, params, query, headers, body, baseUrl, caller }: SurfaceRequest): object {
  const { tenant, highestClass } = caller;
  return {
    ...{ method, path, params, query: String(query), headers, body: body.toString(), baseUrl },
    caller: { tenant, highestClass },
  };
}

/** A whole answer in JSON. */
export function json(value: unknown): SurfaceReply {
  return { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) };
}

/** An answer of events. */
export function events(body: AsyncIterable<string>): SurfaceReply {
  return { status: 200, headers: { 'content-type': 'text/event-stream' }, body };
}

/** A handler that fails. */
export const failing =
  (code: PilotlightError['code']): Handle =>
  async () => {
    throw new PilotlightError(code, `played: ${code}`);
  };
