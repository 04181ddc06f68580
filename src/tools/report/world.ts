/** Draws a world map of packets by country as SVG. */

import { type GeoPermissibleObjects, geoNaturalEarth1, geoPath } from 'd3-geo';
import { feature } from 'topojson-client';
import type { GeometryCollection, Topology } from 'topojson-specification';
import atlas from 'world-atlas/countries-110m.json' with { type: 'json' };
import { dataTable } from './data-table.ts';
import type { Ranking } from './frequent-items.ts';
import { html, type Markup } from './markup.ts';
import { Outline } from './outline.ts';
import { counted, countryName } from './report.ts';
import { SMALL_PLACES } from './small-places.ts';

interface Shape {
  readonly code: string | null;
  readonly path: string;
}

const [WIDTH, HEIGHT] = [960, 470];
const MARGIN = 6;
const SHADES = 5;
const ROUNDING = 1e-9;
const DOT_RADIUS = 4.5;
/** Nobody there has an address, and it would take a fifth of the map. */
const ANTARCTICA = 'AQ';
/** It has no number of its own in ISO 3166; databases know it by this code. */
const WITHOUT_NUMBER: Readonly<Record<string, string>> = { Kosovo: 'XK' };

export function worldMap({ rows }: Ranking<string | null>): Markup {
  const packetsOf = new Map(rows.map(({ key, packets }) => [key, packets]));
  packetsOf.delete(null);
  const shades = shadesFor(Math.max(1, ...packetsOf.values()));
  const { shapes, place } = drawn();
  const quiet = shapes.filter(({ code }) => !packetsOf.has(code)).map(({ path }) => path);
  const loud = shapes.flatMap(({ code, path }) => {
    const packets = packetsOf.get(code);
    if (packets === undefined) return [];
    return [html`<path class="${shadeOf(packets, shades)}" d="${path}">${hint(code, packets)}</path>`];
  });
  const dots = [...packetsOf].flatMap(([code, packets]) => {
    const at = place(code ?? '');
    if (at === null) return [];
    return [
      html`<circle class="${shadeOf(packets, shades)}" cx="${at[0]}" cy="${at[1]}" r="${DOT_RADIUS}">${hint(code, packets)}</circle>`,
    ];
  });
  const description = describe(packetsOf);
  const table = dataTable(
    'Country',
    rows.map(({ key, packets }) => ({ name: countryName(key) || 'unknown', packets })),
  );
  return html`<figure class="card wide map" role="group" aria-labelledby="map-h">
<figcaption id="map-h"><h2>Where from</h2><p>${description}</p></figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="map-t map-d">
<title id="map-t">Packets by country</title><desc id="map-d">${description}</desc>
<path class="q0" d="${quiet.join('')}"/>
${loud}${dots}
</svg>
${legend(shades)}
${table}
</figure>`;
}

function drawn(): {
  readonly shapes: readonly Shape[];
  place(code: string): readonly [number, number] | null;
} {
  // The type that TypeScript reads off the file has lists of numbers where pairs are meant.
  const topology = atlas as unknown as Topology<{ countries: GeometryCollection<{ name: string }> }>;
  const { features } = feature(topology, topology.objects.countries);
  const countries = features
    .map((it) => ({ it, code: codeOf(it.id, it.properties.name) }))
    .filter(({ code }) => code !== ANTARCTICA);
  const projection = geoNaturalEarth1().fitExtent(
    [
      [MARGIN, MARGIN],
      [WIDTH - MARGIN, HEIGHT - MARGIN],
    ],
    { type: 'FeatureCollection', features: countries.map(({ it }) => it) },
  );
  const outlineOf = (it: GeoPermissibleObjects): string => {
    const outline = new Outline();
    geoPath(projection, outline)(it);
    return outline.path;
  };
  return {
    shapes: countries.map(({ it, code }) => ({ code, path: outlineOf(it) })),
    place: (code) => {
      const [longitude, latitude] = SMALL_PLACES[code] ?? [];
      if (longitude === undefined || latitude === undefined) return null;
      const [x = 0, y = 0] = projection([longitude, latitude]) ?? [];
      return [Math.round(x), Math.round(y)];
    },
  };
}

/** The atlas has the numbers of ISO 3166, which the rules of languages (UTS #35) know as aliases of the letters. */
function codeOf(id: string | number | undefined, name: string): string | null {
  return id === undefined ? (WITHOUT_NUMBER[name] ?? null) : (new Intl.Locale(`und-${id}`).region ?? null);
}

/** The least that each shade is for: even steps of a logarithm, as few countries send nearly all. */
function shadesFor(most: number): readonly number[] {
  const steps = Array.from({ length: SHADES }, (_, index) => {
    // A whole power may come out a little above itself.
    return Math.ceil(most ** (index / SHADES) - ROUNDING);
  });
  return [...new Set(steps)];
}

/** The deepest shade is always in use. */
function shadeOf(packets: number, shades: readonly number[]): string {
  const reached = shades.filter((least) => packets >= least).length;
  return `q${SHADES - shades.length + reached}`;
}

function hint(code: string | null, packets: number): Markup {
  return html`<title>${countryName(code)}: ${counted(packets)}</title>`;
}

function describe(packetsOf: ReadonlyMap<string | null, number>): string {
  const [first] = [...packetsOf].sort(([, a], [, b]) => b - a);
  if (first === undefined) return 'The database knows the country of no source';
  const [code, packets] = first;
  const countries = packetsOf.size === 1 ? '1 country' : `${packetsOf.size} countries`;
  return `Packets from ${countries}; the most, ${counted(packets)}, from ${countryName(code)}`;
}

function legend(shades: readonly number[]): Markup {
  const keys = shades.map((least, index) => {
    const next = shades[index + 1];
    const last = next === undefined ? null : next - 1;
    const range = last === null ? `${counted(least)} and more` : `${counted(least)} to ${counted(last)}`;
    const text = last === least ? counted(least) : range;
    return html`<li><svg aria-hidden="true"><rect class="${shadeOf(least, shades)}" width="14" height="14" rx="3"/></svg>${text}</li>`;
  });
  return html`<ul class="legend"><li><svg aria-hidden="true"><rect class="q0" width="14" height="14" rx="3"/></svg>none</li>${keys}</ul>`;
}
