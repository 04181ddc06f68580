/** The figures of a chart as a table, folded up below it. */

import { html, type Markup } from './markup.ts';
import { counted } from './report.ts';

export interface DataRow {
  readonly name: string;
  readonly packets: number;
}

/** @param of what a row is about */
export function dataTable(of: string, rows: readonly DataRow[]): Markup {
  const lines = rows.map(
    ({ name, packets }) => html`<tr><th scope="row">${name}</th><td class="n">${counted(packets)}</td></tr>`,
  );
  return html`<details><summary>As a table</summary><table>
<thead><tr><th scope="col">${of}</th><th scope="col" class="n">Packets</th></tr></thead>
<tbody>${lines}</tbody>
</table></details>`;
}
