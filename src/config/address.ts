import { isIP } from 'node:net';
import { z } from 'zod';
import type { Address } from './settings.ts';

const addressPattern = /^(\[[0-9a-fA-F:.%\w]+\]|[^\s:[\]/]*):(\d{1,5})$/;

/** Reads `host:port`, `[::1]:port` or `:port` (all IPv4 addresses); null: no address. */
function parseAddress(text: string): Address | null {
  const [, host, digits] = addressPattern.exec(text) ?? [];
  const port = Number(digits);
  if (host === undefined || port > 65_535) return null;
  if (host.startsWith('[')) {
    const bare = host.slice(1, -1);
    return isIP(bare) === 6 ? { host: bare, port } : null;
  }
  return { host: host === '' ? '0.0.0.0' : host, port };
}

/** `host:port`, IPv6 in brackets. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether only this machine reaches it: 127.0.0.0/8, ::1 or localhost. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^::ffff:/, '');
  return name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'));
}

/** Whether two of them cannot be listened on at once. Port 0 is another one each time. */
export function collide(a: Address, b: Address): boolean {
  const isAnywhere = [a.host, b.host].some((host) => host === '0.0.0.0' || host === '::');
  return a.port !== 0 && a.port === b.port && (a.host === b.host || isAnywhere);
}

/** A key that takes an address to listen on. */
export const address = (description: string) =>
  z
    .string({ error: 'must be an address, such as 127.0.0.1:8080' })
    .regex(addressPattern, { error: 'must be an address, such as 127.0.0.1:8080 or [::1]:8080' })
    .transform((text, context): Address => {
      const parsed = parseAddress(text);
      if (parsed) return parsed;
      context.issues.push({
        code: 'custom',
        input: text,
        message: 'is not an address that can be listened on',
      });
      return z.NEVER;
    })
    .meta({ title: 'address', description });
