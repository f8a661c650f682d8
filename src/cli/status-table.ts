/** What of a model in /api/models the table shows. */
export interface ModelRow {
  readonly model: string;
  readonly state: string;
  /** How far a start is. */
  readonly step: string | null;
  readonly etaMs: number | null;
  readonly inFlight: number;
  readonly queue: { readonly waiting: number };
  readonly replicas: readonly { readonly state: string }[];
  /** Newest first. */
  readonly lastStarts: readonly StartRow[];
  readonly failure: { readonly reason: string } | null;
  /** The revision that is to follow, while it is not in service yet. */
  readonly rollout: { readonly state: string; readonly step: string | null } | null;
  /** Keys of scale that were changed at run time. */
  readonly overrides: Readonly<Record<string, unknown>>;
  /** Why they do not hold, or null. */
  readonly overridesFault: string | null;
}

interface StartRow {
  readonly outcome: string;
  /** Milliseconds since the Unix epoch. */
  readonly startedAtMs: number;
  readonly totalMs: number | null;
}

const header = ['MODEL', 'STATE', 'REPLICAS', 'WAITING', 'IN FLIGHT', 'LAST START', 'ETA', 'NOTE'];
const numbers = ['WAITING', 'IN FLIGHT'];

/** A line for each model below a header, in columns; `wallMs` is now. */
export function statusTable(models: readonly ModelRow[], wallMs: number): string {
  const rows = [header, ...models.map((model) => row(model, wallMs).map(printable))];
  const widths = header.map((_, column) => Math.max(...rows.map((cells) => lengthOf(cells[column]!))));
  return rows
    .map(
      (cells) =>
        `${cells
          .map((cell, at) => padded(cell, at, widths[at]!))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

function row(model: ModelRow, wallMs: number): string[] {
  const { state, step, replicas, queue, inFlight, lastStarts, etaMs } = model;
  const ready = replicas.filter((replica) => replica.state === 'ready').length;
  return [
    model.model,
    stateOf({ state, step }),
    `${ready}/${replicas.length}`,
    String(queue.waiting),
    String(inFlight),
    lastStarts[0] === undefined ? '-' : startOf(lastStarts[0], wallMs),
    etaMs === null ? '-' : seconds(etaMs),
    noteOf(model),
  ];
}

function stateOf({ state, step }: { readonly state: string; readonly step: string | null }): string {
  return step === null ? state : `${state} (${step})`;
}

function startOf({ outcome, startedAtMs, totalMs }: StartRow, wallMs: number): string {
  const since = age(wallMs - startedAtMs);
  return totalMs === null ? `${outcome} for ${since}` : `${outcome} in ${seconds(totalMs)}, ${since} ago`;
}

function noteOf({ failure, rollout, overrides, overridesFault }: ModelRow): string {
  const notes = rollout === null ? [] : [`next revision: ${stateOf(rollout)}`];
  if (failure !== null) notes.push(failure.reason);
  const changed = Object.keys(overrides).join(', ');
  if (overridesFault !== null) notes.push(`not in force: scale of run time (${overridesFault})`);
  else if (changed !== '') notes.push(`changed at run time: ${changed}`);
  return notes.join('; ');
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)}s`;
}

/** In the largest unit of which there is at least one. */
function age(ms: number): string {
  const wholeS = Math.max(0, Math.floor(ms / 1000));
  if (wholeS < 60) return `${wholeS}s`;
  if (wholeS < 3600) return `${Math.floor(wholeS / 60)}m`;
  return wholeS < 86_400 ? `${Math.floor(wholeS / 3600)}h` : `${Math.floor(wholeS / 86_400)}d`;
}

/** A backend's own words are among the reasons: they must not move the cursor or break the line. */
function printable(cell: string): string {
  return cell.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim();
}

function lengthOf(cell: string): number {
  return [...cell].length;
}

function padded(cell: string, column: number, width: number): string {
  const space = ' '.repeat(width - lengthOf(cell));
  return numbers.includes(header[column]!) ? space + cell : cell + space;
}
