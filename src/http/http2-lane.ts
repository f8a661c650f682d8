import { PilotlightError } from '../core/errors.ts';
import { createLazyLane } from '../relay/lazy-lane.ts';
import type { Lane } from '../relay/traffic.ts';
import type { Http2DoorOptions } from './http2-door.ts';

/** What of the request port speaks HTTP/2. It is loaded with the first connection that does. */
export function createRequestLane(options: Http2DoorOptions): Lane {
  const { pipeline, server } = options;
  const load = async () => {
    const [{ createHttp2Lane }, { Http2Door }] = await Promise.all([
      import('../relay/http2/lane.ts'),
      import('./http2-door.ts'),
    ]);
    return createHttp2Lane({
      traffic: new Http2Door(options),
      clock: pipeline.options.clock,
      maxStreams: server.limits.streams,
      idleMs: server.limits.keepAliveMs,
    });
  };
  return createLazyLane(load, (cause) => {
    pipeline.tellFault(new PilotlightError('internal', 'HTTP/2 cannot be loaded', { cause }));
  });
}
