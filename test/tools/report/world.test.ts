import { geoCentroid } from 'd3-geo';
import { feature } from 'topojson-client';
import type { GeometryCollection, Topology } from 'topojson-specification';
import { describe, expect, it } from 'vitest';
import fine from 'world-atlas/countries-50m.json' with { type: 'json' };
import { SMALL_PLACES } from '../../../src/tools/report/small-places.ts';
import { worldMap } from '../../../src/tools/report/world.ts';

const mapOf = (packets: Readonly<Record<string, number>>): string => {
  const rows = Object.entries(packets).map(([key, count]) => ({ key, packets: count, atMost: count }));
  return worldMap({ rows, distinct: rows.length, isExact: true }).text;
};

describe('the map', () => {
  it('shades countries by their packets, in even steps of a logarithm', () => {
    const map = mapOf({ DE: 100_000, BR: 100, XK: 1 });
    const shadeOf = (name: string) => map.match(new RegExp(`class="(q\\d)"[^<]*<title>${name}: `))?.[1];
    expect(['Germany', 'Brazil', 'Kosovo'].map(shadeOf)).toEqual(['q5', 'q3', 'q1']);
    expect(map).toContain('Packets from 3 countries; the most, 100,000, from Germany');
  });

  it('has dots for countries that are too small for it', () => {
    expect(mapOf({ SG: 7 })).toMatch(
      /<circle class="q5" cx="\d+" cy="\d+" r="4.5"><title>Singapore: 7<\/title>/,
    );
  });

  it('needs no more shades than there are different counts', () => {
    expect(mapOf({ DE: 1 }).match(/<li>/g)).toHaveLength(2);
    expect(mapOf({ DE: 3, FR: 1 }).match(/<li>/g)).toHaveLength(4);
  });

  it('takes less than 50 KB', () => {
    expect(mapOf({ DE: 1 }).length).toBeLessThan(50_000);
  });
});

it('puts small places where a finer atlas has them', () => {
  const topology = fine as unknown as Topology<{ countries: GeometryCollection }>;
  const shapes = new Map(
    feature(topology, topology.objects.countries).features.map((it) => [
      it.id === undefined ? '' : new Intl.Locale(`und-${it.id}`).region,
      it,
    ]),
  );
  for (const [code, place] of Object.entries(SMALL_PLACES)) {
    const shape = shapes.get(code);
    if (shape === undefined) throw new Error(`no ${code} in the finer atlas`);
    const [longitude, latitude] = geoCentroid(shape);
    expect([code, ...place]).toEqual([code, expect.closeTo(longitude, 0), expect.closeTo(latitude, 0)]);
  }
});
