import type { Outcome, Scenario } from './scenario.ts';
import { median } from './statistics.ts';

const targets = [
  'direct',
  'nginx',
  'haproxy',
  'go',
  'node',
  'pilotlight',
  'sqlite',
  'redis',
  'sidecar',
] as const;

/** A scenario's table in Markdown, its columns padded so that it reads in a terminal too. */
export function renderScenario(scenario: Scenario, outcome: Outcome): string {
  const measured = targets.filter((target) =>
    outcome.samples.figures().some((figure) => outcome.samples.of(figure, target).length > 0),
  );
  const references = (['go', 'nginx', 'node'] as const).filter((name) => measured.includes(name));
  const head = ['figure', ...measured, ...references.map((name) => `x ${name}`), 'at least'];
  const figures = scenario.figures.filter(({ name }) => outcome.samples.figures().includes(name));
  const rows = figures.map(({ name, unit, goal, digits }) => [
    `${name}, ${unit}`,
    ...measured.map((target) => number(outcome.samples.of(name, target), digits)),
    ...references.map((reference) => spread(outcome.samples.ratios(name, scenario.subject, reference))),
    goal,
  ]);
  const table = measured.length === 0 ? [] : align([head, ...rows]);
  const notes = [...new Set(outcome.notes)].map((note) => `- ${note}`);
  return [
    `## ${scenario.name}`,
    scenario.what,
    '',
    ...table,
    ...(notes.length > 0 ? ['', ...notes] : []),
  ].join('\n');
}

function number(values: readonly number[], digits: number): string {
  if (values.length === 0) return '';
  return median(values).toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

function spread(ratios: readonly number[]): string {
  if (ratios.length === 0) return '';
  if (ratios.length === 1) return median(ratios).toFixed(2);
  const [low, middle, high] = [Math.min(...ratios), median(ratios), Math.max(...ratios)];
  return `${middle.toFixed(2)} (${low.toFixed(2)}-${high.toFixed(2)})`;
}

function align(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0), 3),
  );
  const lines = rows.map(
    (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`,
  );
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [lines[0] ?? '', rule, ...lines.slice(1)];
}
