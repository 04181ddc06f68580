import { expect, it } from 'vitest';
import { commandLine } from '../../src/lib/shell-quote.ts';

it('a command line can be pasted into a shell', () => {
  expect(commandLine(['-j', 'KNOCKD', 'a b', "it's $HOME", ''])).toBe(`-j KNOCKD "a b" 'it'\\''s $HOME' ''`);
});
