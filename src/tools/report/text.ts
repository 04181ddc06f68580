/** Prints a report as text for a terminal of a given width. */

import { printable } from '../../lib/printable.ts';
import type { DoorKnocks } from './knocks.ts';
import { lengthText, minuteText, secondText, zoneName } from './moments.ts';
import { counted, plural, type Report, type Section, sectionsOf } from './report.ts';
import type { Traffic } from './traffic.ts';

/** Narrower than this nothing can be read, wider than that a bar tells no more. */
const [NARROWEST, WIDEST] = [60, 120];
const WIDEST_NAME = 39;
const WIDEST_NOTE = 18;
const SHARE_COLUMNS = 7;
/** Margins, a long count, its share and a short bar: a note has what they and the name leave. */
const FIGURE_COLUMNS = 2 + 2 + 2 + 11 + 1 + SHARE_COLUMNS + 2 + 4;
/** Eighths of a column. */
const PARTS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
const FULL = '█';

interface BarLine {
  /** What stands ahead of the count, aligned with that of its neighbours. */
  readonly head: string;
  readonly packets: number;
  readonly isAtLeast: boolean;
}

/** @param columns how wide the terminal is */
export function reportText(report: Report, columns: number): string {
  const width = Math.min(Math.max(columns, NARROWEST), WIDEST);
  const { traffic, doors } = report;
  const blocks = [summary(report)];
  if (traffic.packets > 0)
    blocks.push(
      ...sectionsOf(report).map((section) => sectionLines(section, traffic.packets, width)),
      hourLines(traffic, width),
      timeLines(traffic, width),
    );
  if (doors !== null) blocks.push(doorLines(doors));
  return blocks.map((lines) => `${lines.map(printable).join('\n')}\n`).join('\n');
}

/** What was read, and how much of it counts. */
export function summary({ traffic, logs, untrusted, prefix }: Report): string[] {
  const { packets, from, to } = traffic;
  const where = logs.length === 1 ? (logs[0] ?? '') : `${logs.length} logs`;
  const period =
    from === null || to === null ? '' : `${minuteText(from)} to ${minuteText(to)} (${zoneName()})`;
  const which = prefix === null ? '' : ` with the prefix "${prefix}"`;
  return [
    `${plural(packets, 'packet')}${which} in ${where}`,
    ...(period === '' ? [] : [period]),
    ...(untrusted === 0 ? [] : [untrustedText(untrusted)]),
  ];
}

export function untrustedText(untrusted: number): string {
  return untrusted === 1
    ? "1 line is not the kernel's, and did not count"
    : `${counted(untrusted)} lines are not the kernel's, and did not count`;
}

function sectionLines({ title, rows, rest }: Section, total: number, width: number): string[] {
  const names = rows.map(({ name }) => cut(printable(name), WIDEST_NAME));
  const nameWidth = widest(names);
  const room = Math.max(0, Math.min(WIDEST_NOTE, width - nameWidth - FIGURE_COLUMNS));
  const notes = rows.map(({ note }) => cut(printable(note), room));
  const noteWidth = widest(notes);
  const lines = rows.map(({ packets, isAtLeast }, index) => {
    const note = noteWidth === 0 ? '' : `  ${(notes[index] ?? '').padEnd(noteWidth)}`;
    return { head: (names[index] ?? '').padEnd(nameWidth) + note, packets, isAtLeast };
  });
  return [title, ...barLines(lines, total, width), ...(rest === '' ? [] : [`  ${rest}`])];
}

function hourLines({ hours, packets }: Traffic, width: number): string[] {
  const lines = hours.local.map((count, hour) => ({
    head: `${String(hour).padStart(2, '0')}:00`,
    packets: count,
    isAtLeast: false,
  }));
  return [`Hours of the day (${zoneName()})`, ...barLines(lines, packets, width)];
}

/** One character a stretch: how it went on is seen at a glance, and the page and JSON have the numbers. */
function timeLines({ timeline: { stepSeconds, stretches } }: Traffic, width: number): string[] {
  const room = width - 2;
  const joined = Math.ceil(stretches.length / room);
  const counts = Array.from({ length: Math.ceil(stretches.length / joined) }, (_, index) =>
    stretches.slice(index * joined, (index + 1) * joined).reduce((sum, { packets }) => sum + packets, 0),
  );
  const most = Math.max(...counts);
  const levels = '▁▂▃▄▅▆▇█';
  const line = counts.map((count) =>
    count === 0 ? ' ' : levels[Math.min(levels.length - 1, Math.floor((count / most) * levels.length))],
  );
  const [first, last] = [stretches[0], stretches.at(-1)];
  const ends = [first, last].map((end) => (end === undefined ? '' : secondText(end.from)));
  return [
    `Over time: ${lengthText(stepSeconds * joined)} a character, at most ${counted(most)}`,
    `  ${line.join('')}`,
    `  ${ends[0] ?? ''}${counts.length > 40 ? (ends[1] ?? '').padStart(counts.length - 19) : ''}`.trimEnd(),
  ];
}

function barLines(lines: readonly BarLine[], total: number, width: number): string[] {
  const figures = lines.map(({ packets, isAtLeast }) => (isAtLeast ? '>=' : '') + counted(packets));
  const figureWidth = widest(figures);
  const most = Math.max(1, ...lines.map(({ packets }) => packets));
  return lines.map(({ head, packets }, index) => {
    const share = `${((packets / total) * 100).toFixed(1)} %`.padStart(SHARE_COLUMNS);
    const text = `  ${head}  ${(figures[index] ?? '').padStart(figureWidth)} ${share}`;
    return `${text}  ${bar(packets / most, width - text.length - 2)}`.trimEnd();
  });
}

function bar(share: number, columns: number): string {
  const eighths = Math.round(share * Math.max(0, columns) * PARTS.length);
  // What is there at all is seen.
  const seen = share > 0 && columns > 0 ? Math.max(1, eighths) : eighths;
  return FULL.repeat(Math.floor(seen / PARTS.length)) + (PARTS[seen % PARTS.length] ?? '');
}

function doorLines(doors: readonly DoorKnocks[]): string[] {
  const rows = [
    ['door', 'openings', 'near misses', 'traps', 'last opening'],
    ...doors.map(({ door, openings, nearMisses, traps, lastOpening }) => [
      cut(printable(door), WIDEST_NOTE),
      counted(openings),
      counted(nearMisses),
      counted(traps),
      lastOpening === null ? 'none' : secondText(lastOpening),
    ]),
  ];
  const widths = (rows[0] ?? []).map((_, column) => widest(rows.map((row) => row[column] ?? '')));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  ');
  return ['Doors', ...rows.map((row) => `  ${line(row)}`.trimEnd())];
}

function widest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map(({ length }) => length));
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`.slice(0, length);
}
