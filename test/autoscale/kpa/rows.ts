/** One row of a table in text: its cells by the names of the first line, and itself as a title. */
export interface Row {
  readonly title: string;
  /** The cell's text; fails where there is no such column. */
  text(column: string): string;
  /** The cell as a number. */
  number(column: string): number;
}

/** Reads a table written as `| a | b |` lines, of which the first names the columns. */
export function rowsOf(table: string): Row[] {
  const [head, ...lines] = table
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );
  return lines.map((cells) => {
    if (cells.length !== head!.length) throw new Error(`${cells.join(' | ')} has ${cells.length} cells`);
    const text = (column: string) => {
      const index = head!.indexOf(column);
      if (index < 0) throw new Error(`no column ${column}`);
      return cells[index]!;
    };
    const number = (column: string) => {
      const value = Number(text(column));
      if (text(column) === '' || Number.isNaN(value)) throw new Error(`${column} is ${text(column)}`);
      return value;
    };
    return { title: cells.join(' | '), text, number };
  });
}
