import { describe, expect, it } from 'vitest';
import { servicesOf } from '../../../src/tools/report/services.ts';
import { reportText } from '../../../src/tools/report/text.ts';
import { packet, reportOn } from './traffic.ts';

const MIXED = [
  ...Array.from({ length: 6 }, (_, index) => packet({ after: index * 600, dpt: 23 })),
  packet({ after: 5_000, src: '2001:db8::1', dpt: 53, proto: 'udp' }),
  packet({ after: 50_000, dpt: null, proto: 'icmp', in: '' }),
];

describe('the text of a report', () => {
  it('has counts, shares and bars in columns', () => {
    expect(
      reportText(reportOn(MIXED, { untrusted: 2 }), 60)
        .split('\n')
        .slice(0, 21),
    ).toEqual([
      '8 packets with the prefix "KNOCK " in kern.log',
      '2026-11-21 00:00 to 2026-11-21 13:53 (UTC)',
      "2 lines are not the kernel's, and did not count",
      '',
      'Ports',
      `  23/tcp  telnet  6  75.0 %  ${'█'.repeat(31)}`,
      '  53/udp  domain  1  12.5 %  █████▏',
      '',
      'Sources',
      `  192.0.2.7    7  87.5 %  ${'█'.repeat(34)}`,
      '  2001:db8::1  1  12.5 %  ████▉',
      '',
      'Protocols',
      `  tcp   6  75.0 %  ${'█'.repeat(41)}`,
      '  udp   1  12.5 %  ██████▉',
      '  icmp  1  12.5 %  ██████▉',
      '',
      'Interfaces',
      `  eth0    7  87.5 %  ${'█'.repeat(39)}`,
      '  (none)  1  12.5 %  █████▋',
      '',
    ]);
  });

  it.each([60, 80, 100, 200])('is nowhere wider than %i columns', (columns) => {
    const long = packet({ in: 'x'.repeat(200), src: '2001:db8:1111:2222:3333:4444:5555:6666', dpt: 65_535 });
    const report = reportOn([...MIXED, long, packet({ after: 86_400 * 300 })], {
      prefix: null,
      countryOf: () => 'VC',
    });
    const widths = reportText(report, columns)
      .split('\n')
      .map(({ length }) => length);
    expect(Math.max(...widths)).toBeLessThanOrEqual(columns);
  });

  it('cannot act on a terminal, whatever a name holds', () => {
    const text = reportText(
      reportOn([packet({ in: 'e\u001b[31m\n', prefix: '\u009b' })], { prefix: null }),
      80,
    );
    expect(text).toContain('e\\x1b[31m\\x0a');
    expect(text.replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
  });

  it('says what is left out, and what may be more', () => {
    const sources = Array.from({ length: 12 }, (_, index) => packet({ src: `198.51.100.${index}` }));
    const text = reportText(reportOn(sources), 80);
    expect(text).toContain('  and 2 others\n');
    const report = reportOn(sources);
    const [first] = report.traffic.sources.rows;
    if (first === undefined) throw new Error('no source');
    const rows = [{ ...first, packets: 1_200, atMost: 1_260 }];
    const traffic = { ...report.traffic, sources: { rows, distinct: 5, isExact: false } };
    expect(reportText({ ...report, traffic }, 80)).toMatch(
      /198\.51\.100\.0 {2}>=1,200 .*\n {2}and at least 4 others\n/,
    );
  });

  it('tells of doors', () => {
    const doors = [
      { door: 'ssh', openings: 12, nearMisses: 3, traps: 0, lastOpening: 1_795_219_200_000_000 },
    ];
    expect(reportText(reportOn([], { doors }), 80)).toBe(
      [
        '0 packets with the prefix "KNOCK " in kern.log',
        '',
        'Doors',
        '  door  openings  near misses  traps         last opening',
        '  ssh         12            3      0  2026-11-21 00:00:00',
        '',
      ].join('\n'),
    );
  });
});

describe('the name of a port', () => {
  it('is that of /etc/services, else one that is widely known', () => {
    const serviceOf = servicesOf('# none\nmy-ssh\t\t22/tcp\tssh\nother 22/tcp\n');
    expect([22, 3389, 4].map((port) => serviceOf({ port, proto: 'tcp' }))).toEqual(['my-ssh', 'rdp', null]);
  });
});
