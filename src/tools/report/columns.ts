/** Draws a column chart as SVG, with the same figures as a table. */

import { scaleLinear } from 'd3-scale';
import { type DataRow, dataTable } from './data-table.ts';
import { html, type Markup } from './markup.ts';
import { counted } from './report.ts';

export interface ColumnChart {
  /** Unique in the page. */
  readonly id: string;
  readonly title: string;
  /** What there is to see, in a sentence. */
  readonly description: string;
  readonly columns: readonly DataRow[];
  /** What stands below, at a share of the width. */
  readonly ticks: readonly { readonly at: number; readonly text: string }[];
}

const PLOT_PX = 168;
const TOP_PX = 10;
const AXIS_PX = 26;
const HEIGHT_PX = TOP_PX + PLOT_PX + AXIS_PX;
const TICKS = 4;
/** Of each column's place; where columns are many, a gap would be thinner than a pixel. */
const [FILLED, FILLED_DENSE] = [0.74, 0.88];
const DENSE = 1 / 48;
const EDGE = 0.06;
/** From a count to where it stands, in pixels from above. */
type Height = (packets: number) => number;

const compact = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 });

/**
 * Places are shares of the width and heights are pixels, so that it fits any screen and its text keeps its size.
 * The values stand beside it in an SVG of their own, whose width is fixed.
 */
export function columnChart({ id, title, description, columns, ticks }: ColumnChart): Markup {
  const most = Math.max(1, ...columns.map(({ packets }) => packets));
  const y = scaleLinear()
    .domain([0, most])
    .nice(TICKS)
    .range([TOP_PX + PLOT_PX, TOP_PX]);
  const values = y.ticks(TICKS).filter(Number.isInteger);
  return html`<figure class="card wide" role="group" aria-labelledby="${id}-h">
<figcaption id="${id}-h"><h2>${title}</h2><p>${description}</p></figcaption>
<div class="plot">
<svg class="values" width="44" height="${HEIGHT_PX}" aria-hidden="true">${values.map((value) => valueText(value, y))}</svg>
<svg class="columns" width="100%" height="${HEIGHT_PX}" role="img" aria-labelledby="${id}-t ${id}-d">
<title id="${id}-t">${title}</title><desc id="${id}-d">${description}</desc>
${values.map((value) => gridLine(value, y))}
${columns.map((column, index) => bar(column, index / columns.length, 1 / columns.length, y))}
${ticks.map(({ at, text }) => html`<text x="${percent(at)}" y="${HEIGHT_PX - 7}" text-anchor="${anchorAt(at)}">${text}</text>`)}
</svg>
</div>
${dataTable('Time', columns)}
</figure>`;
}

function valueText(value: number, y: Height): Markup {
  return html`<text x="36" y="${pixels(y(value) + 4)}" text-anchor="end">${compact.format(value)}</text>`;
}

function gridLine(value: number, y: Height): Markup {
  const at = pixels(y(value));
  return html`<line class="${value === 0 ? 'base' : 'grid'}" x1="0" x2="100%" y1="${at}" y2="${at}"/>`;
}

/** @param at where its place begins, and how wide that is, as shares of all */
function bar({ name, packets }: DataRow, at: number, place: number, y: Height): Markup {
  if (packets === 0) return html``;
  const filled = place < DENSE ? FILLED_DENSE : FILLED;
  const [x, width] = [percent(at + ((1 - filled) / 2) * place), percent(filled * place)];
  // What is there at all is seen.
  const height = Math.max(2, y(0) - y(packets));
  const [top, tall] = [pixels(y(0) - height), pixels(height)];
  return html`<rect class="bar" x="${x}" y="${top}" width="${width}" height="${tall}"><title>${name}: ${counted(packets)}</title></rect>`;
}

/** Text at the edges must not stand beyond them. */
function anchorAt(share: number): string {
  if (share < EDGE) return 'start';
  return share > 1 - EDGE ? 'end' : 'middle';
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(3))}%`;
}

function pixels(length: number): number {
  return Number(length.toFixed(1));
}
