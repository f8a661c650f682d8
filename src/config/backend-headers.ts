import { z } from 'zod';

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

/** `models.X.backend.headers`. */
export const headersSchema = z
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
