/** A table in Markdown. */
export function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Whether a goal was reached, as the tables say it. */
export function verdictOf(isMet: boolean): string {
  return isMet ? 'met' : 'missed';
}
