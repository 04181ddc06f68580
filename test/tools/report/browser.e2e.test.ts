/** The page as Chromium shows it: on a phone and a desktop, in the light and in the dark. */

import { createHash } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { reportPage, STYLE } from '../../../src/tools/report/page.ts';
import { fileWith } from '../../cli/terminal.ts';
import { describeWith } from '../../lab/describe.ts';
import { CHROMIUM } from '../../lab/needs.ts';
import { BEYOND, FAINT } from './in-page.ts';
import { packet, reportOn } from './traffic.ts';

const LOOKS = [
  [360, 'light'],
  [360, 'dark'],
  [1280, 'light'],
  [1280, 'dark'],
] as const;
const HEIGHT_PX = 800;
const HOSTILE = `x"><img src=x onerror="document.title='${'y'.repeat(60)}'">\u202e`;
const COUNTRIES = ['DE', 'BR', 'SG', 'US', 'CN', 'FR'];

/** A week of traffic with everything that a report can have, long names and hostile ones among it. */
const REPORT = reportOn(
  Array.from({ length: 2_000 }, (_, index) =>
    packet({
      after: (index * 7_919) % (7 * 86_400),
      src: index % 9 === 0 ? '2001:db8:1111:2222:3333:4444:5555:6666' : `198.51.100.${(index * index) % 251}`,
      dpt: [23, 22, 443, 5353, 65_535][index % 5] ?? null,
      in: index % 100 === 0 ? HOSTILE : 'eth0',
      prefix: index % 50 === 0 ? HOSTILE : 'KNOCK ',
    }),
  ),
  {
    prefix: null,
    countryOf: (address) => COUNTRIES[address.length % COUNTRIES.length] ?? null,
    doors: [
      { door: 'ssh', openings: 1_234, nearMisses: 56, traps: 7, lastOpening: 1_795_219_200_000_000 },
      {
        door: 'a-door-with-a-very-long-name-indeed',
        openings: 0,
        nearMisses: 0,
        traps: 0,
        lastOpening: null,
      },
    ],
    untrusted: 3,
  },
);

describeWith(['chromium'], 'the page of a report in Chromium', () => {
  let browser: Browser;
  let url: string;

  beforeAll(async () => {
    const hash = createHash('sha256').update(STYLE).digest('base64');
    url = pathToFileURL(fileWith(reportPage(REPORT, hash), 'report.html')).href;
    // Chromium has no sandbox for root.
    const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
    browser = await chromium.launch({ executablePath: CHROMIUM, args });
  });
  afterAll(() => browser.close());

  const open = async (width: number, colorScheme: 'light' | 'dark') => {
    const page = await browser.newPage({ viewport: { width, height: HEIGHT_PX }, colorScheme });
    const told: string[] = [];
    const asked: string[] = [];
    page.on('console', (message) => told.push(message.text()));
    page.on('pageerror', (error) => told.push(error.message));
    page.on('request', (request) => asked.push(request.url()));
    await page.goto(url);
    return { page, told, asked };
  };

  it.each(LOOKS)(
    'asks for nothing, breaks no rule of its own, and fits %i px in the %s',
    async (width, look) => {
      const { page, told, asked } = await open(width, look);
      expect(asked).toEqual([url]);
      expect(told).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
      expect(await page.evaluate(BEYOND)).toEqual([]);
      await page.close();
    },
  );

  it.each(LOOKS)('can be read at %i px in the %s', async (width, look) => {
    const { page } = await open(width, look);
    expect(await page.evaluate(FAINT)).toEqual([]);
    expect(
      await page.evaluate(`parseFloat(getComputedStyle(document.querySelector('svg text')).fontSize)`),
    ).toBe(12);
    await page.close();
  });

  it('runs nothing of what strangers have written', async () => {
    const { page } = await open(360, 'light');
    expect(await page.title()).toBe('Rejected traffic');
    expect(await page.evaluate('document.images.length + document.scripts.length')).toBe(0);
    expect(await page.getByRole('table', { name: 'Interfaces' }).textContent()).toContain(
      'x"><img src=x onerror=',
    );
    await page.close();
  });

  it('tells its charts to those who do not see them', async () => {
    const { page } = await open(1280, 'dark');
    for (const name of ['Over time', 'Hours of the day', 'Packets by country']) {
      expect(await page.getByRole('img', { name }).count()).toBe(1);
    }
    const summary = page.getByText('As a table');
    expect(await summary.count()).toBe(3);
    await summary.first().click();
    expect(await page.getByRole('table').first().getByRole('row').count()).toBeGreaterThan(20);
    for (const name of ['Doors', 'Ports', 'Sources', 'Countries', 'Protocols', 'Prefixes']) {
      expect(await page.getByRole('table', { name }).count()).toBe(1);
    }
    await page.close();
  });

  it('looks different in the dark, and on paper as in the light', async () => {
    const backgroundOf = async (look: 'light' | 'dark', media: 'screen' | 'print') => {
      const { page } = await open(1280, look);
      await page.emulateMedia({ media, colorScheme: look });
      const background = await page.evaluate(`getComputedStyle(document.body).backgroundColor`);
      const shot = await page.screenshot();
      await page.close();
      return { background, shot };
    };
    const [light, dark, paper] = [
      await backgroundOf('light', 'screen'),
      await backgroundOf('dark', 'screen'),
      await backgroundOf('dark', 'print'),
    ];
    expect([light, dark, paper].map(({ background }) => background)).toEqual([
      'rgb(244, 246, 248)',
      'rgb(15, 20, 26)',
      'rgb(255, 255, 255)',
    ]);
    expect(light.shot.equals(dark.shot)).toBe(false);
  });
});
