import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, it } from 'vitest';

const DOCS = readdirSync('docs').filter((name) => name.endsWith('.md'));
const PAGES = ['README.md', 'CHANGELOG.md', ...DOCS.map((name) => join('docs', name))];

/** As GitHub makes them. */
function anchorsOf(page: string): readonly string[] {
  const titles = readFileSync(page, 'utf8').matchAll(/^#+ (.+)$/gm);
  return [...titles].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

const links = PAGES.flatMap((page) =>
  [...readFileSync(page, 'utf8').matchAll(/(?:\]\(|src=")([^)"]+)/g)].flatMap(([, link = '']) => {
    if (/^https?:/.test(link)) return [];
    const [path = '', anchor = null] = link.split('#');
    return [{ page, link, target: path === '' ? page : normalize(join(dirname(page), path)), anchor }];
  }),
);

it.each(links)('$page: $link leads somewhere', ({ target, anchor }) => {
  expect(existsSync(target)).toBe(true);
  if (anchor !== null) expect(anchorsOf(target)).toContain(anchor);
});

it.each(PAGES.slice(1))('the README leads to %s', (page) => {
  const led = links.filter((link) => link.page === 'README.md').map(({ target }) => target);
  expect(led).toContain(page);
});
