import { frontierOf } from '../frontier.ts';
import type { PolicyFigures } from '../simulate.ts';
import { linearAxis, logAxis } from './axis.ts';
import { html, type Markup } from './markup.ts';
import { columns, type Frame, place, rows } from './plot.ts';

/** A figure of which less is better, against the idle replica-hours. */
export interface TradeOff {
  readonly title: string;
  /** Of a policy; null: it has none, and is left out. */
  valueOf(figures: PolicyFigures): number | null;
  textOf(value: number): string;
}

interface Point {
  readonly policy: string;
  readonly x: number;
  readonly y: number;
}

const frame: Frame = { left: 64, top: 16, width: 620, height: 300 };
const radius = 4.5;
/** Further to the right a name does not fit behind its point. */
const lastShareWithRoom = 0.9;
/** Hours below it are drawn as it: there is no zero on an axis of ratios. */
const leastHours = 0.01;

/** Each policy a point; those of a family are joined, and the frontier runs below those that no other beats. */
export function tradeOffPlot(all: readonly PolicyFigures[], tradeOff: TradeOff): Markup {
  const points = uniqueByName(all).flatMap((figures) => pointOf(figures, tradeOff));
  if (points.length === 0) return html`<p>Nobody was served: there is nothing to draw.</p>`;
  const hours = points.map(({ x }) => x);
  const xAxis = logAxis(Math.min(...hours), Math.max(...hours));
  const yAxis = linearAxis(Math.max(...points.map(({ y }) => y)));
  const at = ({ x, y }: Pick<Point, 'x' | 'y'>) => ({
    x: place(frame.left + frame.width * xAxis.at(x)),
    y: place(frame.top + frame.height * (1 - yAxis.at(y))),
  });
  const families = Map.groupBy(points, ({ policy }) => familyOf(policy));
  const marks = [...families].map(([family, members]) => {
    const places = members.toSorted((a, b) => a.x - b.x).map(at);
    const line = family === 'other' ? null : html`<path class="line ${family}" d="${pathOf(places)}"/>`;
    return html`${line}${members.map((point) => mark(point, family, { ...at(point), tradeOff }))}`;
  });
  return html`<figure><svg viewBox="0 0 700 370" role="img" aria-label="${tradeOff.title} against idle replica-hours">
${rows(frame, yAxis, (tick) => tradeOff.textOf(tick))}
${columns(frame, xAxis, (tick) => String(tick))}
<path class="frontier" d="${stepsOf(frontierOf(points).map(at))}"/>
${marks}
<text class="name" x="${frame.left + frame.width / 2}" y="362" text-anchor="middle">idle replica-hours</text>
</svg><figcaption>${tradeOff.title}</figcaption></figure>`;
}

function pointOf(figures: PolicyFigures, tradeOff: TradeOff): Point[] {
  const y = tradeOff.valueOf(figures);
  return y === null
    ? []
    : [{ policy: figures.policy, x: Math.max(leastHours, figures.replicaHours.idle), y }];
}

function mark(
  { policy, x, y }: Point,
  family: string,
  { x: left, y: top, tradeOff }: { x: number; y: number; tradeOff: TradeOff },
): Markup {
  // Of two curves the lower one has its names below.
  const isBelow = family === 'adaptive';
  const name = family === 'other' ? policy : policy.slice(policy.indexOf(':') + 1);
  const isBefore = isBelow || left > frame.left + frame.width * lastShareWithRoom;
  return html`<g class="point ${family}"><circle cx="${left}" cy="${top}" r="${radius}"/>
<title>${policy}: ${tradeOff.textOf(y)}, ${x.toFixed(1)} idle hours</title>
<text x="${left + (isBefore ? -7 : 7)}" y="${top + (isBelow ? 12 : -6)}" text-anchor="${isBefore ? 'end' : 'start'}">${name}</text></g>`;
}

/** The class of what is drawn of a policy. */
function familyOf(policy: string): 'fixed' | 'adaptive' | 'other' {
  if (policy.startsWith('fixed:')) return 'fixed';
  return policy.startsWith('adaptive:') ? 'adaptive' : 'other';
}

function uniqueByName(all: readonly PolicyFigures[]): PolicyFigures[] {
  return [...new Map(all.map((figures) => [figures.policy, figures])).values()];
}

function pathOf(places: readonly { readonly x: number; readonly y: number }[]): string {
  return places.map(({ x, y }, at) => `${at === 0 ? 'M' : 'L'}${x} ${y}`).join('');
}

/** Down only where the next one is reached: nothing between two of them can be had. */
function stepsOf(places: readonly { readonly x: number; readonly y: number }[]): string {
  return places.map(({ x, y }, at) => (at === 0 ? `M${x} ${y}` : `H${x}V${y}`)).join('');
}
