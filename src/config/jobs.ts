import { isIP } from 'node:net';
import { z } from 'zod';
import { duration, size } from './units.ts';

const network = z
  .string()
  .refine(isNetwork, { error: 'must be an address or a network, such as 10.0.0.0/8' });

function isNetwork(text: string): boolean {
  const [ip = '', bits, ...rest] = text.split('/');
  const most = isIP(ip) === 6 ? 128 : 32;
  return (
    isIP(ip) !== 0 &&
    rest.length === 0 &&
    (bits === undefined || (/^\d+$/.test(bits) && Number(bits) <= most))
  );
}

const webhooksSchema = z
  .strictObject({
    allow: z
      .array(network)
      .prefault([])
      .describe(
        'Addresses and networks that webhooks may go to although they are private, loopback or link-local.',
      ),
    allowHttp: z
      .boolean()
      .prefault(false)
      .describe('Whether a webhook may be http:// (else https:// alone).'),
    timeout: duration('For one try, from the connection to the end of the answer.', 100).prefault('20s'),
    giveUpAfter: duration(
      'After that long without success a webhook is given up, and logged.',
      1_000,
    ).prefault('1d'),
  })
  .prefault({})
  .describe('How webhooks are delivered.');

/** `jobs`: what holds for jobs that do not say otherwise. */
export const jobsSchema = z
  .strictObject({
    beginWithin: duration('A job that has not begun by then expires. 0 = never.').prefault('1d'),
    endWithin: duration('A job that has not ended by then is timed out. 0 = never.').prefault('2d'),
    runFor: duration('Longest run of one attempt. 0 = as long as the timeouts of the model allow.').prefault(
      0,
    ),
    attempts: z
      .int()
      .min(1)
      .max(100)
      .prefault(3)
      .describe('Attempts that may reach a backend, failures that may pass included. 1 = at most once.'),
    keep: duration('How long a job and its result are kept after its end.', 1_000).prefault('1d'),
    maxQueued: z
      .int()
      .min(1)
      .prefault(1_000_000)
      .describe('Jobs of one model that may be queued; beyond it queue_full.'),
    maxOutput: size('Largest answer that is kept; a larger one fails the job.', 1).prefault('1GiB'),
    inline: size(
      'Inputs and outputs up to this lie in the store itself, larger ones in files. 0 = all in files.',
    ).prefault('8KiB'),
    lease: duration('A worker that was not heard of for that long has lost its job.', 1_000).prefault('30s'),
    webhooks: webhooksSchema,
  })
  .prefault({})
  .describe('Jobs: requests that are accepted with 202 and answered later.');

export type RawJobs = z.output<typeof jobsSchema>;
