import { z } from 'zod';
import { address } from './address.ts';
import { duration, size } from './units.ts';

const adminListen = address(
  'Where the admin port listens: health, metrics, API. Off loopback it needs a token.',
);

const adminSchema = z
  .union(
    [
      adminListen,
      z.strictObject({
        listen: adminListen.prefault('127.0.0.1:9090'),
        token: z
          .string()
          .min(1)
          .nullable()
          .prefault(null)
          .describe('Bearer token for /api and /upstream; `file:PATH` reads it from a file.'),
      }),
    ],
    { error: 'must be an address, such as 127.0.0.1:9090, or { listen, token }' },
  )
  .prefault('127.0.0.1:9090')
  .describe('The admin port: an address, or { listen, token }.');

const spoolSchema = z
  .strictObject({
    dir: z
      .string()
      .min(1)
      .prefault('/var/tmp/pilotlight')
      .describe('Folder for bodies that exceed heldMemory.'),
    max: size('Bytes the spool may hold; beyond it requests get memory_full. 0 = no spool.').prefault('4GiB'),
  })
  .prefault({})
  .describe('Where bodies of waiting requests go when heldMemory is full.');

const tlsSchema = z
  .strictObject({
    cert: z.string().min(1).describe('PEM file with the certificate chain; read again when it changes.'),
    key: z.string().min(1).describe('PEM file with the private key.'),
  })
  .nullable()
  .prefault(null)
  .describe('TLS on the request port. Paths are relative to the configuration file.');

const limitsSchema = z
  .strictObject({
    headerSize: size('Largest head of a request.', 1024).prefault('16KiB'),
    headerCount: z.int().min(1).prefault(100).describe('Most header fields of a request.'),
    headerTimeout: duration('Time for the whole head to arrive.', 1).prefault('15s'),
    bodyTimeout: duration('Time for the whole request, head and body, to arrive. 0 = no limit.').prefault(
      '5m',
    ),
    streams: z.int().min(1).prefault(1000).describe('Requests at once on one connection of HTTP/2.'),
    connections: z.int().min(0).prefault(0).describe('Open client connections. 0 = no limit.'),
    keepAlive: duration('Time an idle client connection is kept.', 1).prefault('72s'),
  })
  .prefault({})
  .describe('Bounds on what a client may send and hold open.');

/** The `server` section. */
export const serverSchema = z
  .strictObject({
    listen: address(
      'Where the request port listens. Any other than a loopback address needs auth.keys or `auth: open`.',
    ).prefault('127.0.0.1:8080'),
    admin: adminSchema,
    tls: tlsSchema,
    cors: z
      .array(z.string().min(1))
      .prefault([])
      .describe('Origins that browsers may call from; ["*"] allows all, [] sends no CORS headers.'),
    maxBody: size('Largest request body; told before it is read whole.', 1).prefault('32MiB'),
    heldMemory: size('Memory for the bodies of waiting requests, all models together.').prefault('256MiB'),
    spool: spoolSchema,
    drain: duration(
      'After SIGTERM, how long waiters and streams are still served. 0 = until the last has ended.',
    ).prefault('60s'),
    limits: limitsSchema,
  })
  .prefault({})
  .describe('The two ports of the process and what they bear.');
