import { createHash } from 'node:crypto';
import { formatDuration } from '../../config/quantities.ts';
import type { Fit } from '../fit/fit.ts';
import { fitHead, fitTable, fitVerdict } from '../fit/fit-text.ts';
import type { Plots } from '../plots.ts';
import { headOf, type SimulationReport, tableOf } from '../report.ts';
import type { PolicyFigures } from '../simulate.ts';
import { dayPlot } from './day-plot.ts';
import { html, Markup } from './markup.ts';
import { style } from './style.ts';
import { type TradeOff, tradeOffPlot } from './trade-off.ts';

/** What a page tells. */
export interface PageOptions {
  readonly report: SimulationReport;
  readonly plots: Plots;
  /** The program's, for who finds the page later. */
  readonly version: string;
  /** As it was typed, for the same. */
  readonly args: readonly string[];
}

const tradeOffs: readonly TradeOff[] = [
  {
    title: 'Cold requests',
    valueOf: ({ coldRequests }) => coldRequests,
    textOf: (value) => String(value),
  },
  {
    title: 'Wait that 95 % of the requests stay below',
    valueOf: ({ waitMs }) => waitMs?.p95 ?? null,
    textOf: (ms) => `${ms / 1_000} s`,
  },
];

/** Models that the page has in its table. */
const mostModels = 50;
/** Within text it would be taken for a control character. */
const lineEnd = new Markup('\n');

/**
 * The report as one page: no script, nothing from elsewhere, and a Content-Security-Policy that allows nothing but its own
 * style. Names out of the trace are as hostile as who sent the requests: all of them are escaped.
 */
export function pageOf({ report, plots, version, args }: PageOptions): string {
  const hash = createHash('sha256').update(style).digest('base64');
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
  const head = headOf(report);
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>pilotlight simulate: ${head.at(-1) ?? ''}</title>
<style>${new Markup(style)}</style></head>
<body><h1>What would it cost to sleep?</h1>
<p>${head.at(-1) ?? ''}.</p>
${comparison(report)}
${report.fit === null ? null : fitSection(report.fit)}
${tradeOffSection([...plots.curve, ...report.policies, ...proposed(report)])}
${daySection(plots)}
${modelSection(report.policies)}
${made(report, { version, args, head })}
</body></html>
`.text;
}

function comparison(report: SimulationReport): Markup {
  return html`<h2>The policies</h2>
${table(tableOf(report))}
<p>Cold: found no replica that takes requests. Waits are from arrival to a slot. Hours are those of replicas.</p>`;
}

/** A point of its own. */
function proposed({ fit }: SimulationReport): PolicyFigures[] {
  const [best] = fit?.options ?? [];
  return best === undefined ? [] : [{ ...best.judged, policy: 'proposed' }];
}

function fitSection(fit: Fit): Markup {
  return html`<h2>Proposed settings</h2>
<p>${fitHead(fit)}.</p>
${table(fitTable(fit))}
<p>${fitVerdict(fit)}</p>
<pre>${fit.yaml.split('\n').map((line) => [line, lineEnd])}</pre>`;
}

function tradeOffSection(all: readonly PolicyFigures[]): Markup {
  return html`<h2>What waiting costs</h2>
<p>Each point is one policy for all models; further down waits less, further left costs less. Point at one for its figures.</p>
${key([
  ['fixed', 'fixed idle time'],
  ['adaptive', 'learned idle time, by the price of a cold start'],
  ['other', 'another policy'],
  ['front', 'not beaten by any of these'],
])}
${tradeOffs.map((tradeOff) => tradeOffPlot(all, tradeOff))}`;
}

function daySection({ days }: Plots): Markup {
  const [first] = days;
  if (first === undefined) return html``;
  const most = (counts: readonly number[]) => counts.reduce((max, count) => Math.max(max, count), 0);
  const largest = {
    requests: Math.max(...days.map(({ requests }) => most(requests.all))),
    // Rounded: a mean of 1.001 is one replica.
    replicas:
      Math.round(
        10 *
          Math.max(
            ...days.map(({ replicas: { busy, idle, loading } }) =>
              most(busy.map((count, slot) => count + (idle[slot] ?? 0) + (loading[slot] ?? 0))),
            ),
          ),
      ) / 10,
  };
  const from = first.fromMs <= 0 ? 'its beginning' : formatDuration(Math.round(first.fromMs / 1_000) * 1_000);
  return html`<h2>One day of ${first.model}</h2>
<p>24 hours from ${from} of the trace on. Above, requests in each quarter of an hour; below, replicas.</p>
${key([
  ['warm', 'requests'],
  ['cold', 'of these, cold'],
  ['busy', 'busy'],
  ['idle', 'idle'],
  ['loading', 'loading'],
])}
${days.map((day) => dayPlot(day, largest))}`;
}

function modelSection(policies: readonly PolicyFigures[]): Markup {
  const byModel = new Map<string, Map<string, PolicyFigures['models'][number]>>();
  for (const { policy, models } of policies)
    for (const figures of models) {
      const known = byModel.get(figures.model) ?? new Map();
      byModel.set(figures.model, known.set(policy, figures));
    }
  const requestsOf = (model: string) =>
    Math.max(...[...(byModel.get(model)?.values() ?? [])].map(({ requests }) => requests));
  const names = [...byModel.keys()].sort((a, b) => requestsOf(b) - requestsOf(a)).slice(0, mostModels);
  const head = ['MODEL', 'REQUESTS', ...policies.flatMap(({ policy }) => [`${policy} COLD`, 'IDLE H'])];
  const rows = names.map((model) => {
    const cells = policies.flatMap(({ policy }) => {
      const figures = byModel.get(model)?.get(policy);
      return figures === undefined
        ? ['-', '-']
        : [String(figures.coldRequests), figures.replicaHours.idle.toFixed(1)];
    });
    return [model, String(requestsOf(model)), ...cells];
  });
  const rest = byModel.size - names.length;
  return html`<h2>The models</h2>
<p>Those with many idle hours and few cold requests can sleep.${rest > 0 ? ` ${rest} more are not shown.` : ''}</p>
${table([head, ...rows])}`;
}

function made(
  { traces, concurrency, maxReplicas, seed, price }: SimulationReport,
  { version, args, head }: { version: string; args: readonly string[]; head: readonly string[] },
): Markup {
  const files = traces.length === 0 ? '' : ` (${traces.map(({ file }) => file).join(', ')})`;
  return html`<h2>How it was made</h2>
<dl><dt>Program</dt><dd>pilotlight ${version}: the gateway's own queue, activation and decisions on a virtual clock</dd>
<dt>Command</dt><dd><code>pilotlight simulate ${args.map(shellWord).join(' ')}</code></dd>
<dt>Requests</dt><dd>${head.join('; ')}${files}</dd>
<dt>Models</dt><dd>concurrency ${concurrency}, at most ${maxReplicas === 1 ? '1 replica' : `${maxReplicas} replicas`}${
    price === null ? '' : `, ${price} for a replica-hour`
  }</dd>
<dt>Seed</dt><dd>${seed}: the same command gives the same figures</dd></dl>`;
}

function key(entries: readonly (readonly [kind: string, text: string])[]): Markup {
  const items = entries.map(
    ([kind, text]) =>
      html`<li><svg viewBox="0 0 12 12" aria-hidden="true"><rect class="${kind}" width="12" height="12" rx="2"/></svg>${text}</li>`,
  );
  return html`<ul class="key">${items}</ul>`;
}

function table([head = [], ...rows]: readonly (readonly string[])[]): Markup {
  const cells = (row: readonly string[]) => row.map((cell) => html`<td>${cell}</td>`);
  return html`<div class="wide"><table><thead><tr>${head.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${cells(row)}</tr>`)}</tbody></table></div>`;
}

function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
