/** Writes a report as one self-contained HTML page without scripts, fonts, images or requests. */

import type { Ranking } from './frequent-items.ts';
import { html, Markup } from './markup.ts';
import { minuteText, zoneName } from './moments.ts';
import { counted, type Report, sectionsOf } from './report.ts';
import { STYLE } from './style.ts';
import { doorTable, rankingTable } from './tables.ts';
import { untrustedText } from './text.ts';
import { hourChart, timeChart } from './time-charts.ts';
import { worldMap } from './world.ts';

export { STYLE } from './style.ts';

/** What stands beside ports, protocols and interfaces; below them on a phone. */
const RIGHT: ReadonlySet<string> = new Set(['Source', 'Country', 'Prefix']);

/** @param styleHash SHA-256 of `STYLE` in base64: the page allows that style, and nothing else */
export function reportPage(report: Report, styleHash: string): string {
  const { traffic, doors, untrusted } = report;
  const policy = `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Rejected traffic</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<header><h1>Rejected traffic</h1><p>${periodText(report)}</p>${tiles(report)}</header>
<main>
${traffic.packets === 0 ? [] : [timeChart(traffic)]}
${doors === null ? [] : [doorTable(doors)]}
${traffic.packets === 0 ? [] : chartsOf(report)}
</main>
<footer><p>${sourceText(report)}</p>${untrusted === 0 ? [] : [html`<p>${untrustedText(untrusted)}</p>`]}</footer>
</body>
</html>
`.text;
}

function chartsOf(report: Report): readonly Markup[] {
  const { traffic } = report;
  const stack = (isRight: boolean): Markup => {
    const sections = sectionsOf(report).filter(({ of }) => RIGHT.has(of) === isRight);
    return html`<div class="stack">${sections.map((each) => rankingTable(each, traffic.packets))}</div>`;
  };
  return [
    stack(false),
    stack(true),
    ...(traffic.countries === null ? [] : [worldMap(traffic.countries)]),
    hourChart(traffic),
  ];
}

function tiles({ traffic, untrusted, doors }: Report): Markup {
  const openings = doors?.reduce((sum, door) => sum + door.openings, 0);
  const told: readonly (readonly [name: string, figure: string])[] = [
    ['Packets', counted(traffic.packets)],
    ['Sources', distinctText(traffic.sources)],
    ['Ports', distinctText(traffic.ports)],
    openings === undefined ? ["Lines not the kernel's", counted(untrusted)] : ['Openings', counted(openings)],
  ];
  return html`<dl class="tiles">${told.map(([name, figure]) => html`<div class="tile"><dt>${name}</dt><dd>${figure}</dd></div>`)}</dl>`;
}

function distinctText<K>({ distinct, isExact }: Ranking<K>): string {
  return `${isExact ? '' : '≥ '}${counted(distinct)}`;
}

function periodText({ traffic: { from, to } }: Report): string {
  return from === null || to === null
    ? 'No line counts'
    : `${minuteText(from)} to ${minuteText(to)} (${zoneName()})`;
}

function sourceText({ logs, prefix }: Report): string {
  const which = prefix === null ? 'any prefix' : `the prefix "${prefix}"`;
  return `Counted by knocktail from ${logs.join(', ')}, with ${which}`;
}
