import { z } from 'zod';
import { contractNames } from '../core/contract.ts';

const name = z.enum(contractNames).describe('Which contract, with a route of its own.');

/** `models.X.contract`. */
export const contractSchema = z
  .union(
    [
      name,
      z.strictObject({
        name,
        path: z
          .string()
          .regex(/^\/\S*$/, { error: 'must begin with /' })
          .nullable()
          .prefault(null)
          .describe("Path of its own route, where that is not the contract's usual one."),
        responses: z
          .enum(['backend', 'chat'])
          .prefault('backend')
          .describe(
            'What becomes of jobs for /v1/responses: backend: its backend has that route; chat: they are mapped to chat completions.',
          ),
      }),
    ],
    { error: `must be one of ${contractNames.join(', ')}, or { name, path, responses }` },
  )
  .prefault('openai')
  .describe(
    'How the backend is asked by surfaces that know no paths of its own: openai (chat, completions, embeddings), sagemaker (/invocations), cog (/predictions), vertex (/predict), runpod (/runsync), kserve (/v1/models/X:predict), raw (/).',
  );
