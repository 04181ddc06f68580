import { expect, it } from 'vitest';
import { printable } from '../../src/lib/printable.ts';
import { consoleSink, logTo } from '../../src/telemetry/log.ts';

it('events go to stdout, warnings and errors to stderr, each a line of its own', () => {
  const written: string[] = [];
  const log = logTo(
    consoleSink(
      { write: (text) => written.push(`out ${text}`) },
      { write: (text) => written.push(`err ${text}`) },
    ),
  );
  log.info('one');
  log.warn('two');
  log.error('three\nfour');
  expect(written).toEqual(['out one\n', 'err warning: two\n', 'err error: three\\x0afour\n']);
});

it('what could act on a terminal, or pass for another line, is written out', () => {
  expect(printable('a\u001b[31m\r\nb\u009b\u2028é')).toBe('a\\x1b[31m\\x0d\\x0ab\\x9b\\x2028é');
});
