import { z } from 'zod';

const keySchema = z.strictObject({
  name: z.string().min(1).describe('Name of the key in the log.'),
  sha256: z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/, { error: 'must be the SHA-256 of the key: 64 hex digits' })
    .optional()
    .describe('SHA-256 of the key in hex: `printf %s KEY | sha256sum`. Give this or `key`.'),
  key: z
    .string()
    .regex(/^[\x21-\x7e]+$/, { error: 'must be printable ASCII without spaces' })
    .optional()
    .describe('The key itself, from an environment variable or `file:PATH`; only its hash is kept.'),
  priority: z
    .enum(['high', 'normal', 'low'])
    .prefault('normal')
    .describe(
      'The highest priority that requests with this key may ask for; unasked they get it too, but never high.',
    ),
});

/** The `auth` section. */
export const authSchema = z
  .union(
    [
      z.literal('open'),
      z.strictObject({
        keys: z.array(keySchema).min(1).describe('Keys that clients send as Bearer or x-api-key.'),
      }),
    ],
    { error: 'must be `open` or { keys: [...] }' },
  )
  .nullable()
  .prefault(null)
  .describe(
    'Who may ask: { keys }, or `open` for anybody on any address. Without it only loopback is served.',
  );
