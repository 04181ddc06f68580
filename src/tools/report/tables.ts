/** Formats rankings and doors as HTML tables with bars. */

import type { DoorKnocks } from './knocks.ts';
import { html, type Markup } from './markup.ts';
import { minuteText } from './moments.ts';
import { counted, type Section } from './report.ts';

/** @param total what the shares are of */
export function rankingTable({ title, of, rows, rest }: Section, total: number): Markup {
  const most = Math.max(1, ...rows.map(({ packets }) => packets));
  const id = `by-${of.toLowerCase()}`;
  const lines = rows.map(({ name, note, packets, isAtLeast }) => {
    const share = `${((packets / total) * 100).toFixed(1)} %`;
    const figure = `${isAtLeast ? '≥ ' : ''}${counted(packets)}`;
    const beside = note === '' ? html`` : html` <span class="note">${note}</span>`;
    const width = `${Number(Math.max(0.5, (packets / most) * 100).toFixed(1))}%`;
    return html`<tr>
<th scope="row"><bdi>${name}</bdi>${beside}${barOf(width)}</th><td class="n">${figure}</td><td class="n share">${share}</td>
</tr>`;
  });
  return html`<section class="card"><h2 id="${id}">${title}</h2>
<table class="ranking" aria-labelledby="${id}">
<thead class="hidden"><tr><th scope="col">${of}</th><th scope="col">Packets</th><th scope="col">Share</th></tr></thead>
<tbody>${lines}</tbody>
</table>
${rest === '' ? [] : [html`<p class="rest">${rest}</p>`]}</section>`;
}

function barOf(width: string): Markup {
  return html`<svg width="100%" height="8" aria-hidden="true"><rect class="rail" width="100%" height="8" rx="3"/><rect class="bar" width="${width}" height="8" rx="3"/></svg>`;
}

export function doorTable(doors: readonly DoorKnocks[]): Markup {
  const lines = doors.map(({ door, openings, nearMisses, traps, lastOpening }) => {
    const last = lastOpening === null ? 'never opened' : `last opened ${minuteText(lastOpening)}`;
    return html`<tr>
<th scope="row"><bdi>${door}</bdi> <span class="note">${last}</span></th>
${[openings, nearMisses, traps].map((count) => html`<td class="n">${counted(count)}</td>`)}
</tr>`;
  });
  const heads = ['Openings', 'Near misses', 'Traps'].map(
    (text) => html`<th scope="col" class="n">${text}</th>`,
  );
  return html`<section class="card wide"><h2 id="doors">Doors</h2>
<p>A near miss is an attempt that ended after half of its steps or more</p>
<table class="doors" aria-labelledby="doors">
<thead><tr><th scope="col">Door</th>${heads}</tr></thead>
<tbody>${lines}</tbody>
</table></section>`;
}
