import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { dump, load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { addDoor, type NewDoor } from '../../../src/tools/setup/add-door.ts';
import { firstConfig } from '../../../src/tools/setup/first-config.ts';
import { asPort } from '../../attempt/traffic.ts';

const DOOR: NewDoor = {
  name: 'web',
  sequence: [
    { proto: 'tcp', port: asPort(4438) },
    { proto: 'udp', port: asPort(1813) },
    { proto: 'tcp', port: asPort(8235) },
  ],
  port: asPort(443),
  proto: 'tcp',
  openFor: '10m',
};
const BLOCK = `  web:
    sequence: [4438, 1813:udp, 8235]   # randomly generated
    seq_timeout: 5s
    tcpflags: [syn]
    open: { port: 443, proto: tcp, for: 10m }
`;
const DATA = {
  sequence: [4438, '1813:udp', 8235],
  seq_timeout: '5s',
  tcpflags: ['syn'],
  open: { port: 443, proto: 'tcp', for: '10m' },
};

const added = (text: string, door = DOOR): string => addDoor(text, door) ?? expect.fail('no place');

describe('a door is added', () => {
  it('after the last one and its comments, ahead of what follows', () => {
    const last = '  ssh:\n    sequence: [1, 9, 5] # three\n    # from: [192.0.2.0/24]\n';
    const rest = '\n  # An example:\n  # lock: ...\nstate: /tmp\n';
    expect(added(`# top\ndoors:\n${last}${rest}`)).toBe(`# top\ndoors:\n${last}\n${BLOCK}${rest}`);
  });

  it.each([
    ['the example', readFileSync('knock.yaml', 'utf8')],
    ["init's", firstConfig({ sequence: DOOR.sequence, port: asPort(22), schema: 'file:///x' })],
  ])('to %s, which stays as it is otherwise', (_, text) => {
    const after = added(text);
    expect(after).toContain(`\n\n${BLOCK}`);
    expect(after.replace(`\n${BLOCK}`, '')).toBe(text);
    expect(loadConfig(after).problems).toBeNull();
  });

  it.each([
    ['flow', 'doors: { ssh: { sequence: [1, 9, 5] } } # all\n'],
    ['flow over lines', 'doors: {\n  # the first\n  ssh: { sequence: [1, 9, 5] },\n  }\n'],
    ['JSON', '{"doors": {"ssh": {"sequence": [1, 9, 5]}}}'],
    ['lines of Windows', 'doors:\r\n  ssh:\r\n    sequence: [1, 9, 5]\r\nstate: /tmp\r\n'],
    ['no end of the last line', 'doors:\n  ssh:\n    sequence: [1, 9, 5]'],
    ['no end of the last line, as in Windows', 'doors:\r\n  ssh:\r\n    sequence: [1, 9, 5]'],
    ['a deeper indentation', 'doors:\n      ssh:\n            sequence: [1, 9, 5]\n'],
    ['an anchor and a merge', 'doors: &d\n  a: &a { sequence: [1, 9, 5] }\n  b:\n    <<: *a\n'],
    ['a comment for the eye alone', 'doors:\n  a:\n    start_command: |\n      # no comment\n\nstate: /x\n'],
    ['a list as deep as its key', 'doors:\n  a:\n    sequence:\n    - 1\n    - 9\n'],
    ['an end of the document', 'doors:\n  a: { sequence: [1, 9, 5] }\n...\n'],
  ])('to %s', (_, text) => {
    const after = added(text);
    const { doors, ...others } = load(text) as { doors: object };
    expect(load(after)).toEqual({ ...others, doors: { ...doors, web: DATA } });
    // No line of it was changed but that of a flow.
    for (const line of text.split('\n').filter((each) => !each.includes('doors')))
      expect(after).toContain(line.trimEnd());
    if (text.includes('\r')) expect(after).not.toMatch(/[^\r]\n/);
  });

  it.each(['on', 'null', '123', 'a.b', 'No'])('by the name %s', (name) => {
    const after = added('doors:\n  ssh: { sequence: [1, 9, 5] }\n', { ...DOOR, name });
    expect(Object.keys((load(after) as { doors: object }).doors)).toContain(name);
  });

  it('nowhere where doors: is an alias', () => {
    expect(addDoor('x: &d { ssh: { sequence: [1, 9, 5] } }\ndoors: *d\n', DOOR)).toBeNull();
  });

  it('whatever the file looks like, and every line of it stays, in order', () => {
    const door = fc.record({
      sequence: fc.array(fc.integer({ min: 1, max: 65_535 }), { minLength: 1, maxLength: 4 }),
      start_command: fc.constantFrom('true', 'a\n# b\n', 'x: y', "it's #1"),
    });
    const file = fc.record({
      doors: fc.dictionary(fc.constantFrom('ssh', 'smtp', 'lock'), door, { minKeys: 1 }),
      indent: fc.constantFrom(2, 4),
      flowLevel: fc.constantFrom(-1, 2, 3),
      before: fc.boolean(),
      comments: fc.array(fc.constantFrom('# a', '  # b', '    # c', '      # d', ''), { maxLength: 4 }),
    });
    fc.assert(
      fc.property(file, ({ doors, indent, flowLevel, before, comments }) => {
        const data = before ? { state: '/x', doors } : { doors, state: '/x' };
        const text = `${dump(data, { indent, flowLevel })}${comments.join('\n')}`;
        const after = added(text);
        // A comment behind a block of text is a part of it.
        const { doors: kept } = load(text) as { doors: object };
        expect(load(after)).toEqual({ ...data, doors: { ...kept, web: DATA } });
        const lines = after.split('\n');
        let at = -1;
        for (const line of text.split('\n')) {
          at = lines.indexOf(line, at + 1);
          expect(at).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });
});
