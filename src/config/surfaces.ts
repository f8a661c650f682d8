import { z } from 'zod';
import { surfaceNames } from '../core/surface.ts';
import { address } from './address.ts';

const prefix = z
  .string()
  .regex(/^$|^(\/[A-Za-z0-9._~-]+)+$/, { error: 'must be empty, or begin with / and not end with one' })
  .prefault('')
  .describe('Goes before every path of the surface: clients take it into their base URL.');

const surfaceSchema = z
  .strictObject({
    prefix,
    listen: address('A port of its own. Default: the request port.').optional(),
    limits: z
      .enum(['own', 'original'])
      .prefault('own')
      .describe("own: only this gateway's limits; original: the platform's own sizes and times as well."),
  })
  .prefault({});

/** `surfaces`: which platforms' APIs are served, and where. */
export const surfacesSchema = z
  .partialRecord(z.enum(surfaceNames), surfaceSchema)
  .prefault({})
  .describe(
    "The platforms' APIs that are served beside OpenAI's and Anthropic's, by name: `replicate: {}`, `ollama: { listen: 127.0.0.1:11434 }`.",
  );

export type RawSurfaces = z.output<typeof surfacesSchema>;
