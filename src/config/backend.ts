import { z } from 'zod';
import { duration } from './units.ts';

/** Set by the gateway on every request, so that a configured value would be lost or make the message ambiguous. */
const reservedHeaders = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

const headerValue = z.string().regex(/^[\t\x20-\x7e\x80-\xff]*$/, {
  error: 'must be a header value: no line breaks or control characters',
});

const headersSchema = z
  .record(z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, { error: 'is not a header name' }), headerValue)
  .superRefine((headers, context) => {
    const seen = new Set<string>();
    for (const name of Object.keys(headers)) {
      const lower = name.toLowerCase();
      if (reservedHeaders.has(lower)) {
        context.addIssue({ code: 'custom', path: [name], message: 'is set by the gateway itself' });
      } else if (seen.has(lower)) {
        context.addIssue({ code: 'custom', path: [name], message: 'is given twice: case does not matter' });
      }
      seen.add(lower);
    }
  })
  .prefault({})
  .describe('Headers the backend gets from the gateway, such as its own key; values may be `file:PATH`.');

const httpReady = z.strictObject({
  path: z
    .string()
    .regex(/^\/\S*$/, { error: 'must begin with /' })
    .prefault('/health')
    .describe('Path that is asked with GET.'),
  status: z.array(z.int().min(100).max(599)).min(1).prefault([200]).describe('Statuses that mean ready.'),
  body: z.string().min(1).nullable().prefault(null).describe('Text that the body must contain as well.'),
  tcp: z
    .literal(false)
    .optional()
    .describe('true: ready as soon as the port accepts; then path, status and body do not apply.'),
});

const readyTimes = {
  startup: duration('A start that takes longer has failed.', 1).prefault('10m'),
  timeout: duration('Limit of one probe.', 1).prefault('5s'),
  loading: z
    .string()
    .min(1)
    .prefault('Loading model')
    .describe("Text in a 503's body by which the backend says that it is still loading."),
};

const readySchema = z
  .discriminatedUnion('tcp', [
    httpReady.extend(readyTimes),
    z.strictObject({ tcp: z.literal(true).describe('Ready as soon as the port accepts.'), ...readyTimes }),
  ])
  .prefault({})
  .describe('How to tell that a replica is ready.');

const common = { headers: headersSchema, ready: readySchema };

const processSchema = z.strictObject({
  driver: z.literal('process').describe('How the backend is run: process or static.'),
  command: z
    .array(z.string())
    .min(1)
    .describe(
      'Program and arguments; {port} and {model} are filled in, and a first word {pilotlight} is this program.',
    ),
  env: z
    .record(z.string().regex(/^[^=\0]+$/, { error: 'is not a variable name' }), z.string())
    .prefault({})
    .describe("Variables added to the gateway's own."),
  cwd: z
    .string()
    .min(1)
    .nullable()
    .prefault(null)
    .describe('Working directory; default: that of the gateway.'),
  stopGrace: duration('Time between SIGTERM and SIGKILL.').prefault('10s'),
  ...common,
});

const urlSchema = z.string().transform((text, context) => {
  const url = URL.parse(text);
  const isPlain = url && !url.search && !url.hash && !url.username && !url.password;
  if (isPlain && (url.protocol === 'http:' || url.protocol === 'https:')) return url.href.replace(/\/+$/, '');
  const message = 'must be http:// or https:// with a host and at most a path';
  context.issues.push({ code: 'custom', input: text, message });
  return z.NEVER;
});

const staticSchema = z.strictObject({
  driver: z.literal('static').describe('How the backend is run: process or static.'),
  urls: z
    .array(urlSchema)
    .min(1)
    .refine((urls) => new Set(urls).size === urls.length, { error: 'names the same URL twice' })
    .describe(
      'Where the replicas are, such as http://10.0.0.7:8000; a path is put before that of the request.',
    ),
  ...common,
});

/** `models.X.backend`. */
export const backendSchema = z
  .discriminatedUnion('driver', [processSchema, staticSchema])
  .describe('What answers for the model, and how it is run.');
