import { z } from 'zod';
import { headersSchema } from './backend-headers.ts';
import { httpVersionSchema } from './http-version.ts';
import { kubernetesBackendSchema } from './kubernetes-backend.ts';
import { readySchema } from './ready.ts';
import { duration } from './units.ts';

const common = { http: httpVersionSchema, headers: headersSchema, ready: readySchema };

const processSchema = z.strictObject({
  driver: z.literal('process').describe('How the backend is run: process, static or kubernetes.'),
  command: z
    .array(z.string())
    .min(1)
    .describe(
      'Program and arguments; {port}, {model} and {gpus} (with needs) are filled in, and a first word {pilotlight} is this program.',
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
  driver: z.literal('static').describe('How the backend is run: process, static or kubernetes.'),
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
  .discriminatedUnion('driver', [processSchema, staticSchema, kubernetesBackendSchema])
  .describe('What answers for the model, and how it is run.');
