/** Builds HTML in which values are always escaped. */

import { printable } from '../../lib/printable.ts';

/** What is HTML already: that of `html`, or a constant of ours. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Value = string | number | Markup | readonly Markup[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
/** They turn around the text that follows (UAX #9), also that of others. */
const TURNS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** A tag for templates: what is put in is escaped, for elements and quoted attributes alike, unless it is `Markup`. */
export function html(pieces: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return new Markup(pieces.map((piece, index) => piece + written(values[index] ?? '')).join(''));
}

function written(value: Value): string {
  if (value instanceof Markup) return value.text;
  if (typeof value === 'object') return value.map(({ text }) => text).join('');
  return shown(String(value)).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

function shown(text: string): string {
  return printable(text).replace(TURNS, (it) => `\\u${it.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
