import { tableOf, verdictOf } from '../markdown-table.ts';
import { median } from '../statistics.ts';

/** One figure of the table. */
export interface Row {
  readonly figure: string;
  readonly samples: readonly number[];
  readonly digits: number;
  readonly goal: string;
  /** Null: it has no goal. */
  readonly isMet: boolean | null;
}

const text = (value: number, digits: number) => value.toFixed(digits);

/** The rows as a table in Markdown: median and, of several samples, least and greatest. */
export function tableOfRows(rows: readonly Row[]): string {
  const cells = rows.map(({ figure, samples, digits, goal, isMet }) => {
    const spread = `${text(Math.min(...samples), digits)} - ${text(Math.max(...samples), digits)}`;
    const verdict = isMet === null ? '' : verdictOf(isMet);
    return [figure, String(samples.length), text(median(samples), digits), spread, goal, verdict];
  });
  return tableOf(['figure', 'samples', 'median', 'least - greatest', 'goal', ''], cells);
}
