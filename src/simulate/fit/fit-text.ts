import { formatDuration } from '../../config/quantities.ts';
import type { PolicyFigures } from '../simulate.ts';
import type { Fit, FitOption } from './fit.ts';

/** What was looked for and how, in one line. */
export function fitHead({ target, by, learnedDays, played, tookS }: Fit): string {
  const first = formatDuration(Math.round(learnedDays * 86_400) * 1_000);
  const least = by === 'hours' ? 'fewest replica-hours' : `least ${by}`;
  return `${target} with the ${least}: chosen on the first ${first}, judged on the rest; ${played} simulations in ${tookS}s`;
}

/** The names of the columns, then two rows for each kind of settings: what it was chosen by, and what it came to. */
export function fitTable({ options, learnedDays, judgedDays }: Fit): string[][] {
  const rows = options.flatMap(({ kind, setting, ...one }) => [
    [kind, setting, 'chosen on', ...cellsOf(one.learned, one.isLearnedMet, learnedDays)],
    ['', '', 'judged on', ...cellsOf(one.judged, one.isJudgedMet, judgedDays)],
  ]);
  return [['SETTINGS', 'BEST', 'PART', 'KEPT', 'COLD %', 'WAIT MEAN', 'P95', 'P99', 'HOURS A DAY'], ...rows];
}

function cellsOf(
  { coldShare, waitMs, replicaHours }: PolicyFigures,
  isKept: boolean,
  days: number,
): string[] {
  const { busy, idle, loading } = replicaHours;
  const seconds = (ms: number | undefined) => (ms === undefined ? '-' : `${(ms / 1_000).toFixed(1)}s`);
  return [
    isKept ? 'yes' : 'no',
    (coldShare * 100).toFixed(1),
    seconds(waitMs?.mean),
    seconds(waitMs?.p95),
    seconds(waitMs?.p99),
    ((busy + idle + loading) / days).toFixed(1),
  ];
}

/** What is proposed, and how far it can be trusted. */
export function fitVerdict({ target, options, replicasNeeded }: Fit): string {
  const best: FitOption = options[0]!;
  const proposed = `Proposed: ${best.kind}: ${best.setting}.`;
  if (!best.isLearnedMet) {
    const more =
      replicasNeeded === null
        ? ''
        : ` It is kept where a model may have ${replicasNeeded} replicas that are always on (--max ${replicasNeeded}).`;
    return `Nothing that was tried keeps ${target}. ${proposed} It misses it by the least.${more}`;
  }
  return best.isJudgedMet
    ? `${proposed} It keeps ${target} in both parts.`
    : `${proposed} It keeps ${target} where it was chosen and not in the rest: requests came otherwise there. Choose a tighter limit to be on the safe side.`;
}
