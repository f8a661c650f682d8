import { Cron } from 'croner';
import { z } from 'zod';
import { kpaSchema } from './kpa.ts';
import { ladderSchema } from './ladder.ts';
import { signalsSchema } from './signals.ts';
import { duration } from './units.ts';

const replicas = () => z.int().min(0);

const scheduleSchema = z
  .strictObject({
    cron: z
      .string()
      .describe('When the window begins: minute, hour, day, month, weekday; six fields begin with seconds.'),
    timeZone: z
      .string()
      .prefault('UTC')
      .describe('IANA name, such as Europe/Berlin; summer time is followed.'),
    for: duration('How long the window lasts, 1s or more.', 1_000),
    min: replicas()
      .optional()
      .describe('Replicas that are kept meanwhile; 1 keeps the model warm. Default: as outside of it.'),
    max: z.int().min(1).optional().describe('Most replicas meanwhile. Default: as outside of it.'),
  })
  .superRefine(({ cron, timeZone, min, max }, context) => {
    if (!isZone(timeZone))
      context.addIssue({ code: 'custom', path: ['timeZone'], message: 'is no IANA time zone' });
    const fault = cronFault(cron);
    if (fault !== null) context.addIssue({ code: 'custom', path: ['cron'], message: fault });
    if (min === undefined && max === undefined)
      context.addIssue({ code: 'custom', message: 'must say min, max or both' });
    if (min !== undefined && max !== undefined && min > max)
      context.addIssue({ code: 'custom', path: ['min'], message: `must be at most max (${max})` });
  });

function isZone(timeZone: string): boolean {
  try {
    Intl.DateTimeFormat('en', { timeZone });
    return true;
  } catch {
    return false;
  }
}

/** What is wrong with a pattern, as the end of a sentence; null: nothing. */
function cronFault(cron: string): string | null {
  try {
    const job = new Cron(cron, { paused: true });
    return job.nextRun() === null ? 'never comes' : null;
  } catch (error) {
    return `is no cron pattern (${error instanceof Error ? error.message : String(error)})`;
  }
}

/** `models.X.scale`. */
export const scaleSchema = z
  .strictObject({
    min: replicas()
      .optional()
      .describe('Replicas that are always kept. Default: 0; static: the count of urls.'),
    max: z.int().min(1).optional().describe('Most replicas. Default: 1; static: the count of urls.'),
    policy: z
      .enum(['cost-aware', 'kpa'])
      .prefault('cost-aware')
      .describe(
        "cost-aware: as many as the requests of the moment fill; kpa: Knative's arithmetic, with the settings of scale.kpa.",
      ),
    kpa: kpaSchema,
    idle: z
      .union([z.literal('adaptive'), duration('0 = never.')], {
        error: 'must be a duration with its unit, such as 30s, or 0, or adaptive',
      })
      .prefault('5m')
      .describe(
        'Without requests for that long, down to scale.min. 0 = never; adaptive: to zero after a time learned from when ' +
          'requests return, weighed by coldStartCost, and started ahead of requests that come by the clock.',
      ),
    coldStartCost: duration(
      'For idle adaptive: the idle time that is as dear as one cold start, 1s or more.',
      1_000,
    ).prefault('25m'),
    minUp: duration(
      'A count that was raised stands for that long at least, once its replicas are ready. 0 = no longer than idle.',
    ).prefault(0),
    thrashWindow: duration(
      'A start so soon after a stop (but not later than idle) is counted, and what is not needed is then kept twice and at ' +
        'most four times as long, until an hour has passed without another. 0 = neither.',
    ).prefault('60s'),
    buffer: replicas()
      .prefault(0)
      .describe('Spare replicas beyond those that the requests fill, while there are requests. 0 = none.'),
    maxStarting: z
      .int()
      .min(1)
      .nullable()
      .prefault(null)
      .describe('Replicas that may start at the same time. Default: no limit but max.'),
    ladder: ladderSchema,
    schedules: z
      .array(scheduleSchema)
      .prefault([])
      .describe(
        'Windows of time with a min or max of their own. Where several hold, the largest min and the smallest max count.',
      ),
    signals: signalsSchema,
    pause: z
      .boolean()
      .prefault(false)
      .describe(
        'Refuses all requests (paused) and keeps no replica. The admin API pauses and resumes as well: the last word counts.',
      ),
    ramp: duration(
      "A fresh replica's limit grows from 1 to concurrency over this time. 0 = at once.",
    ).prefault(0),
    owner: z
      .enum(['pilotlight', 'external'])
      .prefault('pilotlight')
      .describe(
        'Whose the count is; external (kubernetes only): that of others, and only 0 to 1 is done here.',
      ),
    capacityTimeout: duration(
      'For kubernetes: how long a pod may find no node before its start has failed. 0 = at once. Default: 2m.',
    ).optional(),
    gauge: z
      .boolean()
      .optional()
      .describe(
        "Asks a replica's own gauges before it is ended: it may serve clients past the gateway. " +
          'Default: true for kubernetes, else false.',
      ),
  })
  .prefault({})
  .describe('How many replicas there are.');
