/** What others write into a log or a configuration -> what a terminal is told of it. */

import { describe, expect, it } from 'vitest';
import { fileWith, knocktail } from './terminal.ts';

/** ESC [ in one character, which terminals obey as well; legal in the name of an interface. */
const CSI = '\u009b';
const LINE = `2026-11-21T00:10:02.000000+00:00 vm kernel: [    1.000000] KNOCK IN=e${CSI}31m OUT= MAC= SRC=198.51.100.2 DST=192.0.2.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=TCP SPT=4000 DPT=7000 WINDOW=64240 RES=0x00 SYN URGP=0 \n`;
const CONFIG = 'interface: eth0\ndoors: { ssh: { sequence: [7000, 8000:udp, 9000], open: { port: 22 } } }\n';

describe('what can act on a terminal', () => {
  it.each(['parse', 'explain', 'report'])('is written out by %s, as text and as JSON', async (command) => {
    const config = command === 'parse' ? [] : ['-c', fileWith(CONFIG)];
    const text = await knocktail([command, ...config, '-'], LINE);
    expect(text.stdout).toContain('198.51.100.2');
    expect(text.stdout).not.toContain(CSI);
    const json = await knocktail([command, ...config, '--json', '-'], LINE);
    expect(json.stdout).not.toContain(CSI);
    expect(JSON.stringify(json.objects)).toContain(`e${CSI}31m`);
  });

  it('is written out where a configuration is wrong', async () => {
    const path = fileWith(`doors: { ssh: { sequence: ["7${CSI}31m"], open: { port: 22 } } }\n`);
    const { code, stderr } = await knocktail(['check', '-c', path]);
    expect(code).toBe(78);
    expect(stderr).toContain('not a step (7\\x9b31m)');
  });

  it('is written out where a name or a sequence of knockd holds it', async () => {
    const once = fileWith(`x${CSI}31m\n7000,8000,9000\n`, 'once.seq');
    const text = `[a${CSI}31m]\nsequence = 7000,8000\n[b]\none_time_sequences = ${once}\n`;
    const path = fileWith(text, 'knockd.conf');
    for (const command of ['check', 'replay', 'explain', 'report']) {
      const log = command === 'check' ? [] : ['-'];
      const { stdout, stderr } = await knocktail([command, '-c', path, ...log], LINE.replace('KNOCK ', ''));
      expect(stdout + stderr).toContain('x\\x9b31m');
      expect(stdout + stderr).not.toContain(CSI);
    }
  });
});
