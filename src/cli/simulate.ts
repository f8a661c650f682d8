import { access, constants, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseDuration } from '../config/quantities.ts';
import { parseAim, parseTarget } from '../simulate/fit/target.ts';
import { parseArrivals } from '../simulate/generate.ts';
import { pageOf } from '../simulate/html/page.ts';
import { parsePolicy } from '../simulate/policy.ts';
import { reportText } from '../simulate/report.ts';
import { type RunOptions, runPolicies } from '../simulate/run-policies.ts';
import { parseSharedGpus, type SharedGpus } from '../simulate/shared-gpus.ts';
import { parseSpread } from '../simulate/spread.ts';
import { readFlagLists, takeSwitch, UsageError } from './flags.ts';
import { readVersion } from './version.ts';

const flagNames = [
  'trace',
  'load',
  'policy',
  'judge-from',
  'price',
  'concurrency',
  'max',
  'gpus',
  'needs',
  'max-pass',
  'seed',
  'model',
  'model-from',
  'prompt-rate',
  'answer-rate',
  'generate',
  'for',
  'exec',
  'html',
  'day-of',
  'fit',
  'fit-by',
] as const;

type Flag = (typeof flagNames)[number];
type Lists = Partial<Record<Flag, readonly string[]>>;
/** Reads the last value of a flag, or what holds where it is not given. Throws UsageError. */
type Reader = <T>(flag: Flag, unsaid: string, parse: (text: string) => T) => T;

const defaultPolicies = ['fixed:1m', 'fixed:5m', 'fixed:10m', 'fixed:30m', 'always'];
/** What a proposal is compared with: the gateway's own default, and no sleep at all. */
const policiesBesideFit = ['fixed:5m', 'always'];

/** `pilotlight simulate`: a table, or everything as JSON. Rejects with UsageError for what it does not understand. */
export async function simulateCommand(args: readonly string[]): Promise<void> {
  const { isGiven: isJson, rest } = takeSwitch(args, '--json');
  const lists = readFlagLists('simulate', rest, flagNames);
  const page = lists.html?.at(-1);
  const options = optionsOf(lists);
  if (page !== undefined) await mayWrite(page);
  const { report, plots } = await runPolicies(options);
  if (page !== undefined && plots !== null)
    await writeFile(page, pageOf({ report, plots, version: await readVersion(), args }));
  process.stdout.write(isJson ? `${JSON.stringify(report, null, 2)}\n` : reportText(report));
}

function optionsOf(lists: Lists): RunOptions {
  const value = (flag: Flag) => lists[flag]?.at(-1);
  const read: Reader = (flag, unsaid, parse) => {
    try {
      return parse(value(flag) ?? unsaid);
    } catch (error) {
      throw new UsageError(`simulate: --${flag}: ${(error as Error).message}`);
    }
  };
  const { trace: traces = [], generate: generated = [] } = lists;
  const policies = lists.policy ?? (lists.fit === undefined ? defaultPolicies : policiesBesideFit);
  if (traces.length + generated.length === 0)
    throw new UsageError('simulate: what is to be played? Give --trace FILE or --generate poisson:6/h');
  if (value('load') === undefined)
    throw new UsageError('simulate: how long does a start take? Give --load 22.7s');
  if (lists['day-of'] !== undefined && lists.html === undefined)
    throw new UsageError('simulate: --day-of is drawn on a page: give --html FILE');
  if (lists['fit-by'] !== undefined && lists.fit === undefined)
    throw new UsageError('simulate: --fit-by is for a target: give --fit p95<5s');
  const by = read('fit-by', 'hours', parseAim);
  const seed = read('seed', '1', (text) => numberIn(text, { isWhole: true, least: 0 }));
  const price = value('price');
  const shape = {
    concurrency: read('concurrency', '100', (text) => numberIn(text, { isWhole: true, least: 0 })),
    max: read('max', '1', (text) => numberIn(text, { isWhole: true, least: 1 })),
    load: read('load', '', parseSpread),
  };
  return {
    traces,
    reading: {
      model: value('model') ?? null,
      modelFrom: read('model-from', 'host', modelFromOf),
      tokens: { prompt: read('prompt-rate', '5000', rate), answer: read('answer-rate', '50', rate) },
      folder: process.env.PILOTLIGHT_TRACES || null,
    },
    generating: {
      arrivals: generated.length === 0 ? [] : read('generate', '', () => generated.flatMap(parseArrivals)),
      durationMs: read('for', '7d', durationOf),
      exec: read('exec', '5s', parseSpread),
      seed,
    },
    policies: read('policy', '', () => policies.map((text) => parsePolicy(text, shape))),
    shape,
    gpus: gpusOf(lists, read),
    judgeFromMs: value('judge-from') === undefined ? null : read('judge-from', '', durationOf),
    price: price === undefined ? null : read('price', price, (text) => numberIn(text, { least: 0 })),
    seed,
    plots: value('html') === undefined ? null : { model: value('day-of') ?? null },
    target: value('fit') === undefined ? null : read('fit', '', (text) => parseTarget(text, by)),
  };
}

/** The GPUs that models share. */
function gpusOf({ gpus, needs = [], 'max-pass': maxPass }: Lists, read: Reader): SharedGpus | null {
  if (gpus === undefined && (needs.length > 0 || maxPass !== undefined))
    throw new UsageError('simulate: --needs and --max-pass are about GPUs: give --gpus 2x24GiB');
  if (gpus === undefined) return null;
  const maxPassMs = read('max-pass', '2m', durationOf);
  const list = needs.flatMap((text) => text.split(','));
  read('needs', '', () => parseSharedGpus('1GiB', list, maxPassMs));
  return read('gpus', '', (text) => parseSharedGpus(text, list, maxPassMs));
}

/** Before anything is played: a name that is wrong is not to be found out at the end. */
async function mayWrite(file: string): Promise<void> {
  await access(dirname(file), constants.W_OK).catch((cause: unknown) => {
    throw new Error(`cannot write ${file}: ${(cause as Error).message}`, { cause });
  });
}

function durationOf(text: string): number {
  const ms = parseDuration(text);
  if (ms === null) throw new Error(`"${text}" is not a duration such as 8d or 90m`);
  return ms;
}

function numberIn(text: string, { isWhole = false, least }: { isWhole?: boolean; least: number }): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && (!isWhole || Number.isSafeInteger(value))) return value;
  throw new Error(`"${text}" is not a ${isWhole ? 'whole ' : ''}number from ${least} on`);
}

function rate(text: string): number {
  const tokens = numberIn(text, { least: 0 });
  if (tokens === 0) throw new Error('must be above 0');
  return tokens;
}

function modelFromOf(text: string): 'host' | 'path' {
  if (text === 'host' || text === 'path') return text;
  throw new Error(`"${text}" is neither host nor path`);
}
