/** Traffic -> its charts of time: how it went on, and the hours of the day. */

import { scaleUtc } from 'd3-scale';
import { US_PER_MS, US_PER_SECOND } from '../model.ts';
import { columnChart } from './columns.ts';
import type { Markup } from './markup.ts';
import { hourText, lengthText, minuteText, secondText } from './moments.ts';
import { counted } from './report.ts';
import type { Traffic } from './traffic.ts';

const TICKS = 4;
/** As a share of the width: those that stand closer would touch on a phone. */
const LEAST_APART = 0.17;
const LABELLED_HOURS = [0, 6, 12, 18];
const DAY_S = 86_400;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

export function timeChart({ timeline: { stepSeconds, stretches } }: Traffic): Markup {
  const [from = 0] = stretches.map((stretch) => stretch.from);
  const to = from + stretches.length * stepSeconds * US_PER_SECOND;
  const scale = scaleUtc().domain([from / US_PER_MS, to / US_PER_MS]);
  const textOf = stepSeconds < 60 ? secondText : minuteText;
  const length = lengthText(stepSeconds);
  const columns = stretches.map((stretch) => ({
    name: stepSeconds < DAY_S ? textOf(stretch.from) : dayText(stretch.from / US_PER_MS),
    packets: stretch.packets,
  }));
  const peak = columns.reduce((most, each) => (each.packets > most.packets ? each : most), {
    name: '',
    packets: 0,
  });
  return columnChart({
    id: 'time',
    title: 'Over time',
    description: `Packets in each ${length.replace(/^1 /, '')}; the most, ${counted(peak.packets)}, from ${peak.name} UTC`,
    columns,
    ticks: apart(scale.ticks(TICKS).map((date) => ({ at: scale(date), text: tickText(date, stepSeconds) }))),
  });
}

export function hourChart({ hours }: Traffic): Markup {
  const most = Math.max(...hours);
  return columnChart({
    id: 'hours',
    title: 'Hours of the day',
    description: `Packets by the hour in UTC, whatever the day; the most, ${counted(most)}, from ${hourText(hours.indexOf(most))}`,
    columns: hours.map((packets, hour) => ({ name: hourText(hour), packets })),
    ticks: LABELLED_HOURS.map((hour) => ({
      at: hour / hours.length,
      text: `${String(hour).padStart(2, '0')}:00`,
    })),
  });
}

function apart<T extends { readonly at: number }>(ticks: readonly T[]): readonly T[] {
  const kept: T[] = [];
  for (const tick of ticks) if (tick.at - (kept.at(-1)?.at ?? -1) >= LEAST_APART) kept.push(tick);
  return kept;
}

/** `Nov 21` at midnight and where days are all there is, `2026` at the new year, else `06:00`. */
function tickText(date: Date, stepSeconds: number): string {
  const clock = date.toISOString().slice(11, stepSeconds < 60 && date.getUTCSeconds() > 0 ? 19 : 16);
  if (clock !== '00:00') return clock;
  const day = dayText(date.getTime());
  return day.startsWith('Jan 1,') ? day.slice(-4) : day.replace(/,.*/, '');
}

/** `Nov 21, 2026` */
function dayText(ms: number): string {
  const date = new Date(ms);
  return `${MONTHS[date.getUTCMonth()] ?? ''} ${date.getUTCDate()}, ${date.getUTCFullYear()}`;
}
