import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { reportPage, STYLE } from '../../../src/tools/report/page.ts';
import { servicesOf } from '../../../src/tools/report/services.ts';
import { packet, reportOn } from './traffic.ts';

const HASH = createHash('sha256').update(STYLE).digest('base64');
const HOSTILE = `x"><script>alert(1)</script>`;

describe('the page of a report', () => {
  it('asks for nothing, and allows its own style alone', () => {
    const page = reportPage(reportOn([packet()], { countryOf: () => 'DE' }), HASH);
    expect(page).toContain(`content="default-src &#39;none&#39;; style-src &#39;sha256-${HASH}&#39;;`);
    expect(page).toContain(`<style>${STYLE}</style>`);
    expect(page).not.toMatch(
      /<(script|link|img|iframe|a|form)\b|\b(src|href|style|on\w+)=|url\(|@import|https?:/i,
    );
  });

  it('holds names of strangers as text', () => {
    const report = reportOn([packet({ in: HOSTILE, prefix: HOSTILE, proto: HOSTILE, dpt: null })], {
      prefix: null,
      logs: [HOSTILE],
      serviceOf: servicesOf(''),
      doors: [{ door: HOSTILE, openings: 1, nearMisses: 0, traps: 0, lastOpening: null }],
    });
    const page = reportPage(report, HASH);
    const escaped = 'x&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;';
    expect(page.split(escaped)).toHaveLength(1 + 5);
    expect(page).not.toContain('<script');
  });

  it('has a column for each stretch of time and hour with packets, named and counted', () => {
    const page = reportPage(reportOn([packet(), packet({ after: 7_200 }), packet({ after: 7_201 })]), HASH);
    expect(page).toContain('<title>02:00 to 02:59: 2</title>');
    expect(page).toContain('<title>2026-11-21 00:00: 1</title>');
    expect(page.match(/<rect class="bar" x=/g)).toHaveLength(2 + 2);
  });

  it('says what may be more', () => {
    const report = reportOn([packet()]);
    const sources = { ...report.traffic.sources, distinct: 9, isExact: false };
    const page = reportPage({ ...report, traffic: { ...report.traffic, sources } }, HASH);
    expect(page).toContain('<dt>Sources</dt><dd>≥ 9</dd>');
    expect(page).toContain('and at least 8 others');
  });

  it('says so where no line counts', () => {
    const page = reportPage(reportOn([]), HASH);
    expect(page).toContain('No line counts');
    expect(page).not.toContain('<figure');
  });
});
