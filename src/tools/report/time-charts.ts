/** Charts traffic over time and by hour of the day. */

import { scaleTime } from 'd3-scale';
import { US_PER_MS, US_PER_SECOND } from '../../model.ts';
import { columnChart } from './columns.ts';
import type { Markup } from './markup.ts';
import { clockText, dayText, hourText, lengthText, minuteText, secondText, zoneName } from './moments.ts';
import { counted } from './report.ts';
import type { Traffic } from './traffic.ts';

const TICKS = 4;
/** As a share of the width: those that stand closer would touch on a phone. */
const LEAST_APART = 0.17;
const LABELLED_HOURS = [0, 6, 12, 18];

export function timeChart({ timeline: { stepSeconds, stretches } }: Traffic): Markup {
  const [from = 0] = stretches.map((stretch) => stretch.from);
  const to = from + stretches.length * stepSeconds * US_PER_SECOND;
  const scale = scaleTime().domain([from / US_PER_MS, to / US_PER_MS]);
  const textOf = stepSeconds < 60 ? secondText : minuteText;
  const length = lengthText(stepSeconds);
  const columns = stretches.map((stretch) => ({
    name: textOf(stretch.from),
    packets: stretch.packets,
  }));
  const peak = columns.reduce((most, each) => (each.packets > most.packets ? each : most), {
    name: '',
    packets: 0,
  });
  return columnChart({
    id: 'time',
    title: 'Over time',
    description: `Packets in each ${length.replace(/^1 /, '')}; the most, ${counted(peak.packets)}, from ${peak.name}`,
    columns,
    ticks: apart(scale.ticks(TICKS).map((date) => ({ at: scale(date), text: tickText(date, stepSeconds) }))),
  });
}

export function hourChart({ hours: { local: hours } }: Traffic): Markup {
  const most = Math.max(...hours);
  return columnChart({
    id: 'hours',
    title: 'Hours of the day',
    description: `Packets by the hour (${zoneName()}), whatever the day; the most, ${counted(most)}, from ${hourText(hours.indexOf(most))}`,
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
  const clock = clockText(date).slice(0, stepSeconds < 60 && date.getSeconds() > 0 ? 8 : 5);
  if (clock !== '00:00') return clock;
  const day = dayText(date);
  return day === 'Jan 1' ? String(date.getFullYear()) : day;
}
