import { z } from 'zod';
import { duration } from './units.ts';

/** Names of the rungs that are known by themselves. */
const rungPresets = ['vllm-1', 'vllm-2', 'freeze'] as const;

const hookPath = () => z.string().regex(/^\/\S*$/, { error: 'must begin with /' });

const argv = () =>
  z
    .array(z.string())
    .min(1)
    .refine(([program]) => program !== '', { error: 'must name a program' });

type Kinds = Readonly<Record<string, unknown>>;

/** Adds a fault unless exactly one of the keys is given. */
function oneOf(value: Kinds, keys: readonly string[], context: z.RefinementCtx): void {
  if (keys.filter((key) => value[key] !== undefined).length === 1) return;
  context.addIssue({ code: 'custom', message: `must have one of ${keys.join(', ')}` });
}

const stepSchema = z
  .strictObject({
    post: hookPath()
      .optional()
      .describe('Path and query that are asked of the replica with POST, with the headers of its backend.'),
    body: z.string().optional().describe('With post: JSON that is sent along. Default: nothing.'),
    status: z
      .array(z.int().min(200).max(599))
      .min(1)
      .optional()
      .describe('With post: statuses that mean done. Default: 200 to 299.'),
    run: argv()
      .optional()
      .describe(
        'Program and arguments, run on this machine without a shell; {pid}, {port}, {model} and {origin} are filled in. ' +
          'For process only.',
      ),
    signal: z
      .enum(['stop', 'continue'])
      .optional()
      .describe('SIGSTOP or SIGCONT to the process group of the replica. For process only.'),
    timeout: duration('With post and run: it has failed after this time. Default: 2m.', 1).optional(),
  })
  .superRefine((step, context) => {
    oneOf(step, ['post', 'run', 'signal'], context);
    for (const key of ['body', 'status'] as const) {
      if (step[key] !== undefined && step.post === undefined)
        context.addIssue({ code: 'custom', path: [key], message: 'applies to post only' });
    }
    if (step.timeout !== undefined && step.signal !== undefined)
      context.addIssue({ code: 'custom', path: ['timeout'], message: 'does not apply to signal' });
  });

const hooks = (description: string) =>
  z
    .union([stepSchema, z.array(stepSchema).min(1)], { error: 'must be a step or a list of steps' })
    .optional()
    .describe(description);

const checkSchema = z
  .strictObject({
    get: hookPath()
      .optional()
      .describe('Path that is asked of the replica with GET; another status than 200 is no answer.'),
    run: argv()
      .optional()
      .describe('Program and arguments, as of a step; what it prints is the answer. For process only.'),
    asleep: z
      .string()
      .min(1)
      .describe('Text: the replica is on the rung where the answer has it, spaces aside.'),
    timeout: duration('Limit of one question.', 1).prefault('5s'),
  })
  .superRefine((check, context) => oneOf(check, ['get', 'run'], context));

const rungSchema = z
  .strictObject({
    preset: z
      .enum(rungPresets)
      .optional()
      .describe(
        'How it is taken and left: by sleep level 1 or 2 of vLLM, or by SIGSTOP (freeze), which frees no memory.',
      ),
    name: z
      .string()
      .regex(/^[\w.-]+( [\w.-]+)*$/, { error: 'must be words of letters, digits, ., _ and -' })
      .max(40)
      .optional()
      .describe('For people and metrics. Default: that of the preset.'),
    after: duration(
      'Without requests for that long, it is taken. Default: when that pays, by cost and the measured wake time.',
      1,
    ).optional(),
    cost: z
      .number()
      .min(0)
      .max(1)
      .optional()
      .describe(
        'What a replica costs there, as a share of one that is ready; it falls from rung to rung. Default: vllm-1 0.2, ' +
          'vllm-2 0.1, on kubernetes, where the pod keeps its GPU, 0.9 and 0.8; freeze 0.95; others 0.2.',
      ),
    sleep: hooks('How it is taken: a step, or a list of them in order.'),
    wake: hooks('The way back to ready: a step, or a list of them in order.'),
    check: checkSchema
      .optional()
      .describe('How a replica is asked whether it is there. Default: it is not asked.'),
    timeout: duration(
      'With preset: limit of each of its steps. Default: 2m, and 10m where weights are read.',
      1,
    ).optional(),
  })
  .superRefine((rung, context) => {
    const isPreset = rung.preset !== undefined;
    for (const key of ['sleep', 'wake', 'check'] as const) {
      if (isPreset && rung[key] !== undefined)
        context.addIssue({ code: 'custom', path: [key], message: 'does not apply with preset' });
    }
    for (const key of ['name', 'sleep', 'wake'] as const) {
      if (!isPreset && rung[key] === undefined)
        context.addIssue({ code: 'custom', path: [key], message: 'is required without preset' });
    }
    if (!isPreset && rung.timeout !== undefined)
      context.addIssue({ code: 'custom', path: ['timeout'], message: 'applies to preset only' });
  });

/** `models.X.scale.ladder`. */
export const ladderSchema = z
  .array(
    z.union([z.enum(rungPresets), rungSchema], {
      error: `must be ${rungPresets.join(', ')} or a map with preset, or with name, sleep and wake`,
    }),
  )
  .max(8)
  .prefault([])
  .describe(
    'Rungs between ready and stopped, the shallowest first: what an idle replica is put to sleep by. Default: none.',
  );

/** What the schema yields. */
export type RawLadder = z.output<typeof ladderSchema>;
/** One rung that was written as a map. */
export type RawRung = Exclude<RawLadder[number], string>;
/** One step of a hook. */
export type RawStep = z.output<typeof stepSchema>;
