import type { Axis } from './axis.ts';
import { html, type Markup } from './markup.ts';

/** Where a plot's values lie, in the units of its SVG. */
export interface Frame {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** The same place to a tenth of a unit. */
export function place(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Lines across a frame at the ticks of a vertical axis, with what they stand for. */
export function rows(
  { left, top, width, height }: Frame,
  axis: Axis,
  textOf: (tick: number) => string,
): Markup {
  const lines = axis.ticks.map((tick) => {
    const y = place(top + height * (1 - axis.at(tick)));
    return html`<line class="grid" x1="${left}" x2="${left + width}" y1="${y}" y2="${y}"/>
<text class="tick" x="${left - 6}" y="${y + 3.5}" text-anchor="end">${textOf(tick)}</text>`;
  });
  return html`${lines}`;
}

/** Marks below a frame at the ticks of a horizontal axis. */
export function columns(
  { left, top, width, height }: Frame,
  axis: Axis,
  textOf: (tick: number) => string,
): Markup {
  const lines = axis.ticks.map((tick) => {
    const x = place(left + width * axis.at(tick));
    return html`<line class="grid" x1="${x}" x2="${x}" y1="${top}" y2="${top + height}"/>
<text class="tick" x="${x}" y="${top + height + 16}" text-anchor="middle">${textOf(tick)}</text>`;
  });
  return html`${lines}`;
}
