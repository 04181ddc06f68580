import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FileSink } from '../../../src/telemetry/sink/file.ts';
import { stamped } from '../../../src/telemetry/sink/form.ts';
import { scratchFolder } from '../../lab/scratch-folder.ts';

const pathIn = (name: string) => join(scratchFolder(), name);
const noon = stamped(() => new Date(2026, 10, 5, 12, 3, 59));
const quiet = (text: string) => expect.fail(text);

it('lines have the stamp of knockd, and are there at once', () => {
  const path = pathIn('knockd.log');
  const sink = new FileSink(path, noon, quiet);
  sink.write('info', '10.0.0.7: ssh: Stage 1');
  sink.write('error', 'bad');
  expect(readFileSync(path, 'utf8')).toBe(
    '[2026-11-05 12:03] 10.0.0.7: ssh: Stage 1\n[2026-11-05 12:03] error: bad\n',
  );
  sink.close();
});

it('a file that is there is added to', () => {
  const path = pathIn('knockd.log');
  for (const text of ['one', 'two']) {
    const sink = new FileSink(path, noon, quiet);
    sink.write('info', text);
    sink.close();
  }
  expect(readFileSync(path, 'utf8').match(/one|two/g)).toEqual(['one', 'two']);
});

it('a file that cannot be opened is told with its remedy', () => {
  expect(() => new FileSink('/nonexistent/x.log', noon, quiet)).toThrow(
    /^\/nonexistent\/x\.log: the log file cannot be opened \(.*ENOENT.*\), name another with logfile or -g$/,
  );
});

it('a full disk is told once, and again only when it was well in between', () => {
  const told: string[] = [];
  const sink = new FileSink('/dev/full', noon, (text) => told.push(text));
  for (let count = 0; count < 3; count++) sink.write('info', 'x');
  expect(told).toEqual([expect.stringMatching(/^\/dev\/full: lines are lost: .*ENOSPC/)]);
  sink.close();
});

it('a file that was moved away is left behind when another is opened in its place', () => {
  const path = pathIn('knockd.log');
  const old = new FileSink(path, noon, quiet);
  old.write('info', 'one');
  renameSync(path, `${path}.1`);
  const sink = new FileSink(path, noon, quiet);
  old.close();
  sink.write('info', 'two');
  expect(readFileSync(path, 'utf8')).toContain('two');
  expect(readFileSync(`${path}.1`, 'utf8')).not.toContain('two');
  sink.close();
});
