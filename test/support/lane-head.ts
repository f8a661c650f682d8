import type { LaneHead } from '../../src/relay/traffic.ts';

/** A head as a lane reads it: GET / over HTTP/1.1 from loopback, but for what is said. */
export function laneHead(own: Partial<LaneHead> = {}): LaneHead {
  const authority = own.authority ?? 'localhost:8012';
  return {
    version: '1.1',
    method: 'GET',
    target: '/',
    authority,
    fields: ['host', authority],
    peer: { address: '127.0.0.1', port: 40_114, isTls: false },
    upgrade: null,
    bodyBytes: 0,
    ...own,
  };
}
