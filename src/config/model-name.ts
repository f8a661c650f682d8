import { z } from 'zod';

/** What a client may write as a model's name. */
export const modelName = z
  .string()
  .regex(/^\S(.*\S)?$/, { error: 'must be a name without outer spaces' })
  .refine((name) => !/\p{Cc}/u.test(name), { error: 'must have no control characters' });
