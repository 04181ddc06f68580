/** Adds a door to the text of a knock.yaml, and leaves the rest of it as it is, comments and all. */

import { positionsIn } from '../../config/positions.ts';
import { formatStep } from '../../config/sequence.ts';
import { readYaml } from '../../config/yaml.ts';
import type { Port, Sequence } from '../../model.ts';

export interface NewDoor {
  readonly name: string;
  readonly sequence: Sequence;
  readonly port: Port;
  readonly proto: 'tcp' | 'udp';
  /** A duration as the configuration has it. */
  readonly openFor: string;
}

const SEQ_TIMEOUT = '5s';
/** Words that YAML takes for something else than text. */
const RESERVED = /^(?:true|false|null|yes|no|on|off|y|n)$/i;
const PLAIN_NAME = /^[A-Za-z][A-Za-z0-9_-]*$/;

/**
 * The text with one more door, after the last one where that can be done.
 *
 * @param text a knock.yaml without errors that has no door of this name
 * @returns null where there is no place for it that leaves all else as it means now, as where `doors:` is an alias
 */
export function addDoor(text: string, door: NewDoor): string | null {
  const before = readYaml(text).data;
  const isRight = (candidate: string): boolean => isWithDoor(before, readYaml(candidate).data, door);
  return candidates(text, door).find(isRight) ?? null;
}

/** The door by itself, for someone who has to put it into place. */
export function doorBlock(door: NewDoor, indent: string): readonly string[] {
  return [
    `${indent}${keyOf(door.name)}:`,
    `${indent}  sequence: [${door.sequence.map(formatStep).join(', ')}]   # randomly generated`,
    `${indent}  seq_timeout: ${SEQ_TIMEOUT}`,
    `${indent}  tcpflags: [syn]`,
    `${indent}  open: { port: ${door.port}, proto: ${door.proto}, for: ${door.openFor} }`,
  ];
}

function candidates(text: string, door: NewDoor): readonly string[] {
  const { line, column } = positionsIn(text).value(['doors']);
  const lines = text.split('\n');
  const first = lines[line - 1] ?? '';
  if (first[column - 1] === '{') {
    const inside = ` ${JSON.stringify(door.name)}: ${JSON.stringify(dataOf(door))},`;
    return [lines.with(line - 1, first.slice(0, column) + inside + first.slice(column)).join('\n')];
  }
  const indent = first.slice(0, column - 1);
  const lineEnd = first.endsWith('\r') ? '\r' : '';
  const block = doorBlock(door, indent).map((each) => each + lineEnd);
  const insertAt = (index: number, added: readonly string[]): string =>
    [...withEnd(lines.slice(0, index), lineEnd), ...added, ...rest(lines.slice(index))].join('\n');
  return [
    insertAt(endOfBlock(lines, line - 1, indent.length), [lineEnd, ...block]),
    insertAt(line - 1, [...block, lineEnd]),
  ];
}

/** The line after the last door and what is said of it in comments that are further in. */
function endOfBlock(lines: readonly string[], first: number, indent: number): number {
  let end = first + 1;
  for (let at = first; at < lines.length; at++) {
    const line = lines[at] ?? '';
    if (isComment(line) || line.trim() === '') continue;
    if (indentOf(line) < indent || /^(?:---|\.\.\.)(?:\s|$)/.test(line)) break;
    end = at + 1;
  }
  for (let line = lines[end] ?? ''; isComment(line) && indentOf(line) > indent; line = lines[end] ?? '')
    end++;
  return end;
}

/** The last line of a file may lack its end. */
function withEnd(lines: readonly string[], lineEnd: string): readonly string[] {
  const last = lines.at(-1);
  return lineEnd === '' || last === undefined || last.endsWith(lineEnd)
    ? lines
    : [...lines.slice(0, -1), last + lineEnd];
}

function rest(lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [''] : lines;
}

function isWithDoor(before: unknown, after: unknown, door: NewDoor): boolean {
  if (!isMap(before) || !isMap(after) || !isMap(after['doors'])) return false;
  const { [door.name]: added, ...others } = after['doors'];
  return (
    JSON.stringify(added) === JSON.stringify(dataOf(door)) &&
    JSON.stringify({ ...after, doors: others }) === JSON.stringify(before)
  );
}

function dataOf({ sequence, port, proto, openFor }: NewDoor) {
  const steps = sequence.map((step) => {
    const text = formatStep(step);
    return /^\d+$/.test(text) ? Number(text) : text;
  });
  const open = { port, proto, for: /^\d+$/.test(openFor) ? Number(openFor) : openFor };
  return { sequence: steps, seq_timeout: SEQ_TIMEOUT, tcpflags: ['syn'], open };
}

function keyOf(name: string): string {
  return PLAIN_NAME.test(name) && !RESERVED.test(name) ? name : JSON.stringify(name);
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

function isComment(line: string): boolean {
  return line.trimStart().startsWith('#');
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
