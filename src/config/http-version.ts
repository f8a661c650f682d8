import { z } from 'zod';
import type { RawFault } from './issues.ts';
import type { RawModel } from './model.ts';
import type { Path } from './path.ts';
import { saysHttp } from './ready.ts';

/** `backend.http`. */
export const httpVersionSchema = z
  .union([z.literal(1), z.literal(2)], { error: 'must be 1 or 2' })
  .prefault(1)
  .describe(
    'Version of HTTP that the backend speaks on its port: 1 is HTTP/1.1; 2 is HTTP/2 from the first byte, as gRPC has it.',
  );

/** What of a model is sent over HTTP/1.1 by the gateway itself, where the backend speaks HTTP/2 only. */
export function httpVersionFaults(path: Path, { backend }: RawModel): RawFault[] {
  if (backend.http === 1) return [];
  const faults: RawFault[] = [];
  const add = (key: string, message: string, hint: string | null) =>
    faults.push({ path: [...path, 'backend', 'ready', ...(key === '' ? [] : [key])], message, hint });
  if (asksHttp(backend)) {
    const message = 'asks by HTTP/1.1, which a backend with http: 2 does not speak';
    add('', message, 'say ready: { grpc: "" } where it has the health service of gRPC, or { tcp: true }');
  }
  if (backend.ready.warmUp !== 'none')
    add('warmUp', 'is sent by HTTP/1.1, which a backend with http: 2 does not speak', null);
  return faults;
}

/** A pod whose probe is not written is asked by its own, wherever that is. */
function asksHttp({ driver, ready }: RawModel['backend']): boolean {
  if (ready.tcp === true || ready.grpc !== undefined) return false;
  return driver !== 'kubernetes' || saysHttp(ready);
}
