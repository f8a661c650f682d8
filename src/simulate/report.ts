import { formatDuration } from '../config/quantities.ts';
import type { Fit } from './fit/fit.ts';
import { fitHead, fitTable, fitVerdict } from './fit/fit-text.ts';
import type { TraceReport } from './read-trace.ts';
import type { PolicyFigures } from './simulate.ts';

/** Everything that a simulation tells: what `--json` prints. */
export interface SimulationReport {
  readonly traces: readonly TraceReport[];
  /** Requests that were made up. */
  readonly generated: number;
  readonly requests: number;
  readonly models: number;
  /** Of the trace, in hours: its length, and from where on it counts. */
  readonly hours: number;
  readonly judgedFromHours: number;
  /** As it was written. */
  readonly load: string;
  readonly concurrency: number;
  readonly maxReplicas: number;
  /** GPUs that the models share, as they were written; null: there were always enough. */
  readonly gpus: string | null;
  /** Of a replica-hour; null: none was given. */
  readonly price: number | null;
  readonly seed: number;
  readonly policies: readonly PolicyFigures[];
  /** What is proposed for a target; null: none was given. */
  readonly fit: Fit | null;
}

type Column = readonly [name: string, cell: (figures: PolicyFigures) => string];

const columns: readonly Column[] = [
  ['POLICY', ({ policy }) => policy],
  ['REQUESTS', ({ requests }) => String(requests)],
  ['COLD', ({ coldRequests }) => String(coldRequests)],
  ['COLD %', ({ coldShare }) => (coldShare * 100).toFixed(1)],
  ['STARTS', ({ starts }) => String(starts)],
  ['WAIT MEAN', ({ waitMs }) => seconds(waitMs?.mean)],
  ['P50', ({ waitMs }) => seconds(waitMs?.p50)],
  ['P95', ({ waitMs }) => seconds(waitMs?.p95)],
  ['P99', ({ waitMs }) => seconds(waitMs?.p99)],
  ['BUSY H', ({ replicaHours }) => hours(replicaHours.busy)],
  ['IDLE H', ({ replicaHours }) => hours(replicaHours.idle)],
  ['LOADING H', ({ replicaHours }) => hours(replicaHours.loading)],
];

const evictedColumn: Column = ['EVICTED', ({ evictions }) => String(evictions)];
const refusedColumn: Column = ['REFUSED', ({ refused }) => String(refused)];
const costColumn: Column = ['COST', ({ cost }) => (cost ?? 0).toFixed(2)];

/** What was simulated in a few lines, then a table with a line for each policy. */
export function reportText(report: SimulationReport): string {
  const { fit } = report;
  const lines = [...headOf(report), '', ...inColumns(tableOf(report))];
  if (fit !== null)
    lines.push(
      '',
      fitHead(fit),
      '',
      ...inColumns(fitTable(fit)),
      '',
      fitVerdict(fit),
      '',
      fit.yaml.trimEnd(),
    );
  return `${lines.join('\n')}\n`;
}

/** The names of the columns, then a row for each policy. */
export function tableOf({
  policies,
  price,
  gpus,
}: Pick<SimulationReport, 'policies' | 'price' | 'gpus'>): string[][] {
  const shown = [
    ...columns,
    ...(gpus === null ? [] : [evictedColumn]),
    ...(policies.some(({ refused }) => refused > 0) ? [refusedColumn] : []),
    ...(price === null ? [] : [costColumn]),
  ];
  return [shown.map(([name]) => name), ...policies.map((one) => shown.map(([, cell]) => cell(one)))];
}

/** Rows as lines: the first column begins, the others end, in the same place. */
function inColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length)));
  return rows.map((cells) =>
    cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join('  '),
  );
}

/** What was played, in one line for each trace and one for all of it. */
export function headOf(report: SimulationReport): string[] {
  const { traces, generated, requests, models, load, judgedFromHours } = report;
  const lines = traces.map(textOfTrace);
  if (generated > 0) lines.push(`${generated} requests generated with seed ${report.seed}`);
  const from = judgedFromHours === 0 ? '' : `, judged from ${length(judgedFromHours)} on`;
  const on = report.gpus === null ? '' : `; GPUs: ${report.gpus}`;
  const to = `${models} ${models === 1 ? 'model' : 'models'} in ${length(report.hours)}`;
  lines.push(`${requests} requests to ${to}${from}; a start takes ${load}${on}`);
  return lines;
}

function textOfTrace({ file, format, requests, others, malformed, firstMalformedLine }: TraceReport): string {
  const notes = [`${requests} requests (${format})`];
  if (others > 0) notes.push(`${others} records that are no requests`);
  if (malformed > 0) notes.push(`${malformed} malformed, the first in line ${firstMalformedLine}`);
  return `${file}: ${notes.join(', ')}`;
}

function seconds(ms: number | undefined): string {
  return ms === undefined ? '-' : `${(ms / 1000).toFixed(1)}s`;
}

function hours(value: number): string {
  return value.toFixed(value < 10 ? 2 : 1);
}

/** Of so many hours, to the second: `15d6h48m`. */
function length(value: number): string {
  return formatDuration(Math.round(value * 3600) * 1000);
}
