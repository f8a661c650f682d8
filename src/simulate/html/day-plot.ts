import type { Day } from '../day.ts';
import type { Doing } from '../ledger.ts';
import { linearAxis } from './axis.ts';
import { html, type Markup } from './markup.ts';
import { columns, type Frame, place, rows } from './plot.ts';

const asked: Frame = { left: 64, top: 12, width: 720, height: 56 };
const replicas: Frame = { left: 64, top: 84, width: 720, height: 70 };
/** From the bottom to the top. */
const layers: readonly Doing[] = ['busy', 'idle', 'loading'];
const hoursOfDay = 24;
/** A mark every three hours. */
const hourStep = 3;

/** What one model was asked in a day, and below it what its replicas did. */
export function dayPlot(day: Day, largest: { readonly requests: number; readonly replicas: number }): Markup {
  const { all, cold } = day.requests;
  const askedAxis = linearAxis(Math.max(1, largest.requests), 2);
  const replicaAxis = linearAxis(Math.max(1, largest.replicas), 2);
  const hourAxis = {
    ticks: Array.from({ length: hoursOfDay / hourStep + 1 }, (_, at) => at * hourStep),
    at: (hour: number) => hour / hoursOfDay,
  };
  let below = new Array<number>(day.replicas.busy.length).fill(0);
  const areas = layers.map((doing) => {
    const above = below.map((sum, slot) => sum + (day.replicas[doing][slot] ?? 0));
    const path = areaOf(below, above, replicaAxis.at);
    below = above;
    return html`<path class="area ${doing}" d="${path}"><title>${doing}</title></path>`;
  });
  const whole = (tick: number) => (Number.isInteger(tick) ? String(tick) : '');
  return html`<figure><svg viewBox="0 0 800 180" role="img" aria-label="Requests and replicas by ${day.policy}">
${rows(asked, askedAxis, whole)}
<path class="area warm" d="${barsOf(all, askedAxis.at)}"/>
<path class="area cold" d="${barsOf(cold, askedAxis.at)}"/>
${rows(replicas, replicaAxis, whole)}
${columns(replicas, hourAxis, (hour) => `${hour} h`)}
${areas}
</svg><figcaption>${day.policy}: ${total(all)} requests, ${total(cold)} of them cold</figcaption></figure>`;
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

function barsOf(counts: readonly number[], at: (value: number) => number): string {
  const width = asked.width / counts.length;
  const bottom = asked.top + asked.height;
  return counts
    .map((count, bin) => {
      if (count === 0) return '';
      const left = place(asked.left + bin * width);
      const height = place(asked.height * at(count));
      return `M${left} ${bottom}v${-height}h${place(width - 1)}v${height}z`;
    })
    .join('');
}

/** Between two heights in steps; equal neighbours are one step. */
function areaOf(below: readonly number[], above: readonly number[], at: (value: number) => number): string {
  const width = replicas.width / above.length;
  const y = (value: number) => place(replicas.top + replicas.height * (1 - at(value)));
  const parts: string[] = [];
  for (let from = 0; from < above.length; ) {
    let to = from + 1;
    while (to < above.length && above[to] === above[from] && below[to] === below[from]) to++;
    const [low, high] = [below[from] ?? 0, above[from] ?? 0];
    const [left, right] = [place(replicas.left + from * width), place(replicas.left + to * width)];
    if (high > low) parts.push(`M${left} ${y(low)}V${y(high)}H${right}V${y(low)}z`);
    from = to;
  }
  return parts.join('');
}
