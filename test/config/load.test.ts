import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { schema } from '../../src/config/schema.ts';
import { formatStep } from '../../src/config/sequence.ts';

function problems(text: string): string[] {
  const { problems } = loadConfig(text);
  return (problems ?? []).map(({ line, column, text }) => `${line}:${column}: ${text}`);
}

const door = (lines: string) => `doors:\n  ssh:\n    sequence: [1111, 2222:udp, 333]\n${lines}`;

describe('a configuration', () => {
  it('needs no more than one door with a sequence', () => {
    const { config } = loadConfig('doors: {ssh: {sequence: [4438, 1813:udp, 8235]}}');
    expect(config?.doors.get('ssh')?.sequence).toEqual([
      { proto: 'tcp', port: 4438 },
      { proto: 'udp', port: 1813 },
      { proto: 'tcp', port: 8235 },
    ]);
    expect(config?.logs[0]).toEqual({
      from: 'auto',
      path: '/var/log/kern.log',
      prefix: 'KNOCK ',
      format: 'kernel',
      maxAgeUs: 10_000_000,
      hosts: null,
      timezone: null,
    });
    expect(config?.firewall).toEqual({
      backend: 'iptables',
      iptables: 'auto',
      chain: 'KNOCKD',
      hooks: ['INPUT'],
      manage: true,
      flush: null,
    });
  });

  it('has the timeouts of knockd where it names none', () => {
    const ssh = loadConfig(door('')).config?.doors.get('ssh');
    expect([ssh?.seqTimeoutUs, ssh?.cmdTimeoutUs]).toEqual([25_000_000, 10_000_000]);
  });

  it.each([
    ['5', 5_000_000],
    ['0.5', 500_000],
    ['5s', 5_000_000],
    ['250ms', 250_000],
    ['2m', 120_000_000],
    ['1h', 3_600_000_000],
    ['1d', 86_400_000_000],
  ])('takes %s as a duration', (text, us) => {
    expect(loadConfig(door(`    seq_timeout: ${text}\n`)).config?.doors.get('ssh')?.seqTimeoutUs).toBe(us);
  });

  it('takes sequences and flags in the spelling of knockd', () => {
    const { config } = loadConfig(
      'doors:\n  a:\n    sequence: 7000, 8000:UDP ,9000:tcp\n    tcpflags: "syn, !ack"\n',
    );
    expect(config?.doors.get('a')?.sequence?.map(formatStep)).toEqual(['7000', '8000:udp', '9000']);
    expect(config?.doors.get('a')?.tcpflags).toEqual({ set: 2, clear: 16 });
  });

  it('guards against sweeps unless it is to be like knockd', () => {
    const guard = (text: string) =>
      loadConfig(door('').replace('doors:', `${text}\ndoors:`)).config?.sweepGuard;
    expect([
      guard(''),
      guard('compat: knockd'),
      guard('compat: knockd\nsweep_guard: 5'),
      guard('sweep_guard: 0'),
    ]).toEqual([8, 0, 5, 0]);
  });
});

describe('a broken configuration', () => {
  it('is told every problem at once, in the order of the lines', () => {
    const text = [
      'log:',
      '  form: file',
      'compat: knock',
      'doors:',
      '  ssh:',
      '    sequence: [4438, 70000, 8235:icpm]',
      '    seq_timeout: 5 seconds',
      '    open: { port: 0, prto: tcp }',
      '  lock:',
      '    sequence: [8235, 1813:udp, 4438]',
      '    close: shh',
      '',
    ].join('\n');
    expect(problems(text)).toEqual([
      '2:3: unknown key (log.form), did you mean from? known here: from, path, prefix, format, max_age, host, timezone',
      '3:9: compat: not a compatibility (knock), write none or knockd',
      '6:22: doors.ssh.sequence.1: not a step (70000), write a port from 1 to 65535, with :udp for UDP, or icmp or icmp:SIZE',
      '6:29: doors.ssh.sequence.2: not a step (8235:icpm), write a port from 1 to 65535, with :udp for UDP, or icmp or icmp:SIZE',
      '7:18: doors.ssh.seq_timeout: not a duration (5 seconds), write a number of seconds, or 500ms, 30s, 5m, 2h, 1d',
      '8:19: doors.ssh.open.port: not a port (0), write a number from 1 to 65535',
      '8:22: unknown key (doors.ssh.open.prto), did you mean proto? known here: port, proto, to, for',
      '11:12: doors.lock.close: not a door that opens (shh), write one of ssh',
    ]);
  });

  it.each([
    ['', '1:1: the file is empty, write at least one door under doors:'],
    ['# nothing\n', '1:1: the file is empty'],
    ['log: {}\n', '1:1: doors: a map of doors is missing'],
    ['doors: {}\n', '1:8: doors: not a map of doors ({})'],
    [
      'doors:\n  a: {sequence: [1, 2, 3]}\n  a: {sequence: [4, 5, 6]}\n',
      '3:3: duplicated mapping key, write each key once',
    ],
    ['doors:\n\ta: 1\n', '2:1: a tab in the indentation, indent with spaces'],
    ['doors:\n  a: b: c\n', '2:7: two colons in one line: put the value in quotes'],
    ['doors: *a\n', '1:9: unidentified alias "a", put a value that begins with * in quotes'],
    ['do\0rs: 1\n', '1:3: null byte is not allowed in input, write the file as plain text in UTF-8'],
    ['doors: [1\n', '1:8: this [ is never closed, add a ]'],
    ['doors:\n  a:\n    <<: 5\n', '3:5: cannot merge mappings; '],
    ['doors:\n  a b: {sequence: [1, 2, 3]}\n', '2:3: not a door name (a b)'],
    ['doors:\n  a:\n', '2:3: doors.a: '],
    ['doors:\n  a: {}\n', '2:6: doors.a.sequence: a sequence is missing'],
    ['doors:\n  a: {sequence: []}\n', '2:17: doors.a.sequence: not a sequence ([])'],
    ['doors:\n  a: {sequence: [1], from: []}\n', '2:28: doors.a.from: not a list of networks ([])'],
    [
      'doors: {}\n---\ndoors: {}\n',
      '1:1: expected a single document in the stream, but found more, take out the line --- between the two',
    ],
    ['doors: &a { x: { sequence: *a } }\n', '1:18: doors.x.sequence: not a sequence ({"x":{"sequence":'],
    ['doors: { x: { sequence: [.nan] } }\n', '1:26: doors.x.sequence.0: not a step (NaN), write a port'],
    ['- 1\n', '1:1: '],
  ])('%j is answered with where and what', (text, start) => {
    expect(problems(text)[0]).toMatch(new RegExp(`^${start.replace(/[[\](){}.*]/g, '\\$&')}`));
  });
});

it('of a value that aliases make endless only the beginning is told', () => {
  const levels = Array.from({ length: 12 }, (_, index) => {
    const item = index === 0 ? 'x' : `*a${index - 1}`;
    return `  a${index}: &a${index} [${Array(12).fill(item).join(',')}]\n`;
  });
  const told = problems(`doors:\n${levels.join('')}`);
  expect(told).toHaveLength(levels.length);
  for (const text of told) expect(text.length).toBeLessThan(500);
});

it('a door may take over the keys of another', () => {
  const { config } = loadConfig(
    `${door('    open: &open { port: 22, for: 5s }\n').replace('ssh:', 'ssh: &ssh')}` +
      '  web:\n    <<: *ssh\n    open: { <<: *open, port: 443 }\n',
  );
  expect(config?.doors.get('web')).toEqual({
    ...config?.doors.get('ssh'),
    open: { port: 443, proto: 'tcp', to: null, forUs: 5_000_000 },
  });
  expect(problems('doors:\n  a: &a { sequence: [0] }\n  b: { <<: *a }\n')).toEqual([
    expect.stringMatching(/^2:22: doors\.a\.sequence\.0: not a step \(0\)/),
    expect.stringMatching(/^3:8: doors\.b\.sequence\.0: not a step \(0\)/),
  ]);
});

describe('interface', () => {
  const named = (name: string) => loadConfig(`interface: ${name}\n${door('')}`);

  it.each([
    ['eth0', 'eth0'],
    ['br-4f2a1c0d9e8b', 'br-4f2a1c0d9e8b'],
    ['eth0.100@if7', 'eth0.100@if7'],
    ['küche', 'küche'],
    ['any', null],
  ])('%s is one', (name, read) => {
    expect(named(name).config?.interface).toBe(read);
  });

  it.each([
    '""',
    '.',
    '..',
    'a234567890123456',
    'öäüöäüöä',
    'eth+',
    '"eth 0"',
    'a/b',
    'eth0:1',
    "'eth0\"'",
    '7',
  ])('%s is none, or more than one', (name) => {
    expect(problems(`interface: ${name}\n${door('')}`)).toEqual([
      expect.stringMatching(/^1:1[23]: interface: not an interface .*, write the whole name of one/),
    ]);
  });
});

describe('log', () => {
  const logs = (text: string) => loadConfig(`log: ${text}\n${door('')}`);

  it('may be a list, each with its own defaults', () => {
    const { config } = logs(
      '[{ from: journal }, { path: /var/log/ulogd.log, format: ulogd }, { path: /var/log/pve-firewall.log, format: any }]',
    );
    expect(config?.logs.map(({ from, path, format }) => [from, path, format])).toEqual([
      ['journal', '/var/log/kern.log', 'kernel'],
      ['file', '/var/log/ulogd.log', 'ulogd'],
      ['file', '/var/log/pve-firewall.log', 'any'],
    ]);
  });

  it.each([
    ['[]', '1:6: log.0: a map is missing, write keys out of'],
    ['7', '1:6: log: not a log (7), write a map, or a list of maps'],
    [
      '[{ form: kmsg }]',
      '1:9: unknown key (log.0.form), did you mean from? known here: from, path, prefix, format, max_age, host, timezone',
    ],
    ['[{ from: file }, { from: ring }]', '1:31: log.1.from: not a source of log lines (ring), write one of'],
    ['{ max_age: never }', '1:17: log.max_age: not a duration (never)'],
    ['[{ from: kmsg }, { from: kmsg }]', '1:23: log.1: read already (kmsg), write each log once'],
  ])('%s is answered with where and what', (text, start) => {
    expect(problems(`log: ${text}\n${door('')}`)).toEqual([
      expect.stringMatching(new RegExp(`^${start.replace(/[[\](){}.?]/g, '\\$&')}`)),
    ]);
  });
});

it.each([
  ['{ chain: INPUT }', '1:20: firewall.chain: not a chain of its own (INPUT), name one for openings alone'],
  ['{ chain: DROP }', '1:20: firewall.chain: not a chain of its own (DROP), name one'],
  ['{ hooks: [INPUT, KNOCKD] }', '1:20: firewall.hooks: the chain of the openings cannot lead to itself'],
])('firewall: %s is answered with where and what', (text, start) => {
  const [first = '', ...others] = problems(`firewall: ${text}\n${door('')}`);
  expect([first.slice(0, start.length), others]).toEqual([start, []]);
});

it('the schema refuses what the loader refuses', () => {
  expect(schema.safeParse({ doors: { a: { sequence: [0] } } }).success).toBe(false);
});

describe('what would be taken for something else is refused', () => {
  it.each([['seq_timeout: 1e-7'], ['seq_timeout: 1e30'], ['cmd_timeout: 100000000d']])('%s', (line) => {
    expect(problems(door(`    ${line}\n`))).toEqual([expect.stringMatching(/not a duration/)]);
  });

  it('a path that no file can have', () => {
    expect(problems(`log: { path: "a\\0b" }\n${door('')}`)).toEqual([expect.stringMatching(/not a path/)]);
  });
});

describe('when all doors are to be closed', () => {
  const at = (text: string) => `firewall: { flush: ${text} }\n${door('')}`;

  it.each(['0 3 * * *', '*/15 1-5 * * MON-FRI', '@daily'])('%s is a cron expression', (text) => {
    expect(loadConfig(at(`"${text}"`)).config?.firewall.flush).toBe(text);
  });

  it.each(['"61 3 * * *"', '"0 0 30 2 *"', '3am', '""', '3'])('%s is none', (text) => {
    const right = 'write minute, hour, day, month and weekday, like "0 3 * * *"';
    expect(problems(at(text))).toEqual([
      expect.stringMatching(/^1:\d+: firewall\.flush: not a cron expression( that ever comes)? \(.*\), /),
    ]);
    expect(problems(at(text))[0]).toContain(right);
  });
});

describe('what is likely not meant so is told of', () => {
  const warnings = (text: string) => {
    const loaded = loadConfig(`${text}\n${door('')}`);
    if (loaded.problems !== null) expect.fail(JSON.stringify(loaded.problems));
    return loaded.warnings.map(({ line, column, text }) => `${line}:${column}: ${text}`);
  };

  it('metrics in a file that nobody would read', () => {
    expect(warnings('metrics: /var/lib/kt.prom')).toEqual([]);
    expect(warnings('metrics: /var/lib/kt.txt')).toEqual([
      '1:10: metrics: node exporter passes over this name (/var/lib/kt.txt), write one that ends in .prom',
    ]);
  });

  it('a cmd_timeout that no stop_command waits for, at its place', () => {
    const doors = (keys: string) => `doors: { b: { sequence: [4, 9, 7], start_command: x, ${keys} } }`;
    const said = (text: string) => {
      const loaded = loadConfig(text);
      return loaded.problems ?? loaded.warnings.map(({ line, column, text }) => `${line}:${column}: ${text}`);
    };
    expect(said(doors('cmd_timeout: 10s'))).toEqual([
      '1:54: door b: cmd_timeout without stop_command does nothing',
    ]);
    for (const stop of ['stop_command: y', 'stop_command_6: y'])
      expect(said(doors(`cmd_timeout: 10s, ${stop}`))).toEqual([]);
    expect(said(doors('seq_timeout: 10s'))).toEqual([]);
  });

  it('a prefix that iptables cannot write', () => {
    const long = (bytes: number, more = '') => warnings(`log: { prefix: "${'x'.repeat(bytes)}"${more} }`);
    expect(long(30)).toEqual([
      '1:17: log.prefix: iptables writes at most 29 bytes of a prefix (this has 30), shorten it or log with nft rules',
    ]);
    expect([long(29), long(63, ', format: ulogd')]).toEqual([[], []]);
    expect(long(64, ', format: ulogd')).toHaveLength(1);
    expect(warnings(`firewall: { backend: dry-run }\nlog: { prefix: "${'x'.repeat(30)}" }`)).toEqual([]);
    expect(warnings(`log: [{ path: a }, { path: b, prefix: "${'é'.repeat(15)}" }]`)).toEqual([
      expect.stringMatching(
        /^1:40: log\.1\.prefix: iptables writes at most 29 bytes of a prefix \(this has 30\)/,
      ),
    ]);
  });

  it('a max_age that no knock can keep', () => {
    expect(warnings('log: { max_age: 0 }')).toEqual([
      '1:17: log.max_age: every knock is older than 0 s when it is read, so no door opens, allow some seconds',
    ]);
    expect(warnings('log: { max_age: 1s }')).toEqual([]);
  });

  it('the path of a log that is not read there', () => {
    expect(warnings('log: { path: a.log }')).toEqual([]);
    expect(warnings('log: [{ from: file, path: a.log }, { from: kmsg }]')).toEqual([]);
    expect(warnings('log: { from: auto, path: a.log }')).toEqual([
      '1:20: log.path does not count beside from: auto, write from: file or leave it out',
    ]);
    expect(warnings('log: [{ path: a.log }, { from: kmsg, path: b.log }]')).toEqual([
      '1:38: log.1.path does not count beside from: kmsg, write from: file or leave it out',
    ]);
  });
});

describe('what becomes an argument, a path or a rule', () => {
  const CONTROLS = ['\\0', '\\x01', '\\n', '\\t', '\\e', '\\x7f', '\\x9b'];
  const SETTINGS: readonly (readonly [string, string])[] = [
    ['log', '{ prefix: "KNOCK %" }'],
    ['log', '{ path: "/var/log/%" }'],
    ['log', '{ host: ["a%"] }'],
    ['interface', '"eth%"'],
    ['state', '"/var/%"'],
    ['logfile', '"/var/%"'],
    ['metrics', '"/var/%.prom"'],
    ['pidfile', '"/run/%"'],
    ['firewall', '{ chain: "KNOCK%" }'],
    ['firewall', '{ hooks: ["INPUT%"] }'],
    ['firewall', '{ iptables: "/sbin/%" }'],
    ['doors', '{ "a%": { sequence: [1, 3, 2] } }'],
    ['doors', '{ a: { one_time_sequences: "/x%" } }'],
    ['doors', '{ a: { sequence: [1, 3, 2], close: "b%" } }'],
  ];

  it.each(SETTINGS)('is refused with control characters in it: %s: %s', (key, value) => {
    for (const control of CONTROLS) {
      // A blank at the end of a host is none of its name.
      if (value.includes('host') && /[nt]/.test(control)) continue;
      const doors = key === 'doors' ? '' : '\ndoors: { a: { sequence: [1, 3, 2] } }';
      const problems = loadConfig(`${key}: ${value.replace('%', control)}${doors}`).problems ?? [];
      expect([
        control,
        problems[0]?.line,
        problems[0] !== undefined && problems[0].column > key.length,
      ]).toEqual([control, 1, true]);
    }
  });

  it.each(['start_command', 'start_command_6', 'stop_command', 'stop_command_6'])(
    'is refused with NUL in it, and more than an argument holds, and may have several lines: %s',
    (key) => {
      const told = (command: string) =>
        loadConfig(`doors: { a: { sequence: [1, 3, 2], ${key}: "${command}" } }`).problems?.map(
          ({ line, text }) => `${line}: ${text.slice(0, 90)}`,
        ) ?? [];
      expect(told('echo a\\0b')).toEqual([
        expect.stringMatching(/^1: doors\.a\..*: not a command without NUL/),
      ]);
      expect(told('x'.repeat(65_537))).toEqual([
        expect.stringMatching(/not a command of at most 65536 bytes/),
      ]);
      expect(told('echo a\\n\\techo b')).toEqual([]);
    },
  );

  it('is refused where it is longer than the kernel takes it', () => {
    const told = (text: string) =>
      loadConfig(`${text}\ndoors: { a: { sequence: [1, 3, 2] } }`).problems?.map(({ text }) =>
        text.replace(/\(.*\)/s, '()'),
      ) ?? [];
    expect(told(`log: { prefix: "${'é'.repeat(64)}" }`)).toEqual([
      'log.prefix: not a prefix (), write at most 127 bytes',
    ]);
    expect(told(`state: /${'x'.repeat(4_095)}`)).toEqual([
      'state: not a path of at most 4095 bytes (), write a shorter one',
    ]);
  });

  it('names no chain that iptables has a target for', () => {
    for (const chain of ['LOG', 'DNAT', 'MASQUERADE', 'REDIRECT', 'ACCEPT'])
      expect(
        loadConfig(`firewall: { chain: ${chain} }\ndoors: { a: { sequence: [1, 3, 2] } }`).problems,
      ).toHaveLength(1);
  });
});

describe('a door', () => {
  it('is called what it is called, and stands where it was written', () => {
    const names = ['b', 'constructor', '10', 'toString', '2', 'hasOwnProperty', 'valueOf', 'a'];
    const text = `doors:\n${names.map((name, at) => `  ${name}: { sequence: [1, 3, ${10 + at}] }\n`).join('')}`;
    expect([...(loadConfig(text).config?.doors.keys() ?? [])]).toEqual(names);
    const conf = [...names, '__proto__'];
    const knockd = conf.map((name, at) => `[${name}]\nsequence = 1,3,${10 + at}\n`).join('');
    expect([...(loadConfig(knockd).config?.doors.keys() ?? [])]).toEqual(conf);
  });

  it('called __proto__ is refused in a knock.yaml, and so is a key of that name anywhere', () => {
    const text = [
      'doors:',
      '  ssh: { sequence: [1, 3, 2], open: { port: 22, __proto__: 1 }, __proto__: { seq_timeout: 3 } }',
      '  __proto__: { sequence: [4, 6, 5] }',
      'log: { __proto__: 1 }',
      '__proto__: 1',
    ].join('\n');
    const told = loadConfig(text).problems?.map(
      ({ line, column, text }) => `${line}:${column}: ${text.split(',')[0]}`,
    );
    expect(told).toEqual([
      '2:49: unknown key (doors.ssh.open.__proto__)',
      '2:65: unknown key (doors.ssh.__proto__)',
      '3:3: not a door name (__proto__)',
      '4:8: unknown key (log.__proto__)',
      '5:1: unknown key (__proto__)',
    ]);
  });

  it('of a strange name is closed only by a door that exists', () => {
    const text = 'doors: { a: { sequence: [1, 3, 2], close: constructor } }';
    expect(loadConfig(text).problems?.[0]?.text).toBe(
      'doors.a.close: not a door that opens (constructor), give some door an open:',
    );
  });
});
