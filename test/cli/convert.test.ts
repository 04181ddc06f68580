import { expect, it } from 'vitest';
import { fileWith, knocktail } from './terminal.ts';

it('prints what check accepts, and tells what it could not carry over', async () => {
  const path = fileWith(
    '[open ssh]\nsequence = 7000,8000:udp,9000\nseq_timeout = 5s\nstart_command = x\n',
    'knockd.conf',
  );
  const { code, stdout, stderr } = await knocktail(['convert', path]);
  expect(code).toBe(0);
  expect(stderr.split('\n')).toEqual([
    `${path}:3:1: warning: seq_timeout: "5s" is taken for 5 s`,
    `${path}:1:1: warning: the door open ssh is called open-ssh now`,
    '',
  ]);
  expect(await knocktail(['check', '-c', fileWith(stdout)])).toMatchObject({ code: 0 });
});

it('two sections of options, as containers have them, become one', async () => {
  const text =
    '[options]\n\tUseSyslog\n\n[one]\n\tsequence = 7123:udp,8754:udp,6002:udp\n\tcommand = /bin/true %IP%\n\n' +
    '[options]\n\tUseSyslog\n\tlogfile = /dev/stdout\n';
  const { stdout, stderr } = await knocktail(['convert', fileWith(text, 'knockd.conf')]);
  expect(stderr).toBe('');
  expect(await knocktail(['check', '-c', fileWith(stdout)])).toMatchObject({ code: 0 });
});

it.each([
  [
    'a knock.yaml',
    'doors: { a: { sequence: [5, 1, 3], close: b }, b: { sequence: [1, 5, 3], open: { port: 2 } } }',
    65,
    /not a knockd\.conf/,
  ],
  ['one without a door', '[options]\nUseSyslog\n', 65, /: no door to convert, add a \[DOOR\]/],
  ['one with doors of port 0 alone', '[a]\nsequence = abc\n', 65, /no door to convert/],
  ['one that names no file of sequences', '[a]\none_time_sequences =\n', 78, /:2:1: no file/],
  ['a broken one', '[a]\nsequence = 70000\n', 78, /:2:1: not a port \(70000\)/],
])('%s is refused', async (_, text, code, words) => {
  const ran = await knocktail(['convert', fileWith(text)]);
  expect([ran.code, ran.stdout]).toEqual([code, '']);
  expect(ran.stderr).toMatch(words);
});

it('a one-time file that is missing or used up is told by check, as knockd does at its start', async () => {
  const missing = fileWith('[a]\none_time_sequences = nofile.seq\n', 'knockd.conf');
  expect(await knocktail(['check', '-c', missing])).toMatchObject({
    code: 66,
    stderr: expect.stringContaining('nofile.seq'),
  });
  const used = fileWith('#1,2\n', 'used.seq');
  const conf = fileWith(`[a]\none_time_sequences = ${used}\n`, 'knockd.conf');
  expect(await knocktail(['check', '-c', conf])).toMatchObject({
    code: 78,
    stderr: expect.stringContaining(`door a: no sequence is left in ${used}`),
  });
});

it('a file that is no knockd.conf is named with its first line', async () => {
  const path = fileWith('# notes\n\nbuy milk\n', 'notes.txt');
  expect(await knocktail(['convert', path])).toMatchObject({
    code: 65,
    stderr: `${path}:3: not a knockd.conf: there is no [section] (buy milk), name a knockd.conf; knock.yaml needs no converting\n`,
  });
});
