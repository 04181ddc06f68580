import fc from 'fast-check';
import { expect, it } from 'vitest';
import { html } from '../../../src/tools/report/markup.ts';

const HOSTILE = fc.string({
  unit: fc.oneof(
    fc.constantFrom(...'<>&"\'`=/!-\u0000\u001b\n\u202e\u2066\u0085'),
    fc.string({ maxLength: 1 }),
  ),
});

it('makes text of whatever is put in', () => {
  expect(html`<b title="${`"><script>`}">${`<i>&'`}</b>${7}`.text).toBe(
    '<b title="&quot;&gt;&lt;script&gt;">&lt;i&gt;&amp;&#39;</b>7',
  );
});

it('shows what would act on the text around it', () => {
  expect(html`${'a\u202eb\u0007c'}`.text).toBe('a\\u202eb\\x07c');
});

it('leaves what is HTML already', () => {
  expect(html`<p>${[html`<i>${'<'}</i>`, html`<b></b>`]}</p>`.text).toBe('<p><i>&lt;</i><b></b></p>');
});

it('leaves nothing that begins or ends a tag, an attribute or an entity of its own', () => {
  fc.assert(
    fc.property(HOSTILE, (text) => {
      const { text: written } = html`${text}`;
      expect(written).not.toMatch(/[<>"'\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
      expect(written.replace(/&(?:amp|lt|gt|quot|#39);/g, '')).not.toContain('&');
    }),
  );
});
