import { beforeEach, expect, it } from 'vitest';
import { systemLookup, withNames } from '../../../src/telemetry/sink/names.ts';

let said: string[];
let answers: Map<string, (name: string | null) => void>;
beforeEach(() => {
  said = [];
  answers = new Map();
});

const lookUp = (address: string): Promise<string | null> =>
  new Promise((resolve) => {
    answers.set(address, resolve);
  });
const named = () => {
  const say = (text: string): void => void said.push(text);
  return withNames({ debug: say, info: say, warn: say, error: say }, lookUp);
};

it('a line that begins with an address gets the name of the host, as with knockd -l', async () => {
  const log = named();
  log.info('10.0.0.7: ssh: Stage 1');
  log.info('2001:db8::7: ssh: Stage 1');
  answers.get('10.0.0.7')?.('laptop.example');
  answers.get('2001:db8::7')?.(null);
  await log.idle();
  expect(said).toEqual(['10.0.0.7 (laptop.example): ssh: Stage 1', '2001:db8::7: ssh: Stage 1']);
});

it('a line that names its client further on gets the name there', async () => {
  const say = (text: string): void => void said.push(text);
  const known = async (client: string) => (client === '10.0.0.7' ? 'laptop.example' : null);
  const log = withNames({ debug: say, info: say, warn: say, error: say }, known);
  const facts = { source: '10.0.0.7' };
  log.info('ssh: opened 22/tcp on 10.0.0.77 for 10.0.0.7 until 21:14:30 (30 s)', facts);
  log.info('10.0.0.7: near miss: port sweep', facts);
  log.error('ssh: 22/tcp was not opened for 10.0.0.7: no', facts);
  log.info('ssh: opened 22/tcp for 10.0.0.77 until 21:14:30', facts);
  await log.idle();
  expect(said).toEqual([
    'ssh: opened 22/tcp on 10.0.0.77 for 10.0.0.7 (laptop.example) until 21:14:30 (30 s)',
    '10.0.0.7 (laptop.example): near miss: port sweep',
    'ssh: 22/tcp was not opened for 10.0.0.7 (laptop.example): no',
    'ssh: opened 22/tcp for 10.0.0.77 until 21:14:30',
  ]);
});

it('the call returns at once, and lines keep their order while a name is awaited', async () => {
  const log = named();
  log.info('starting');
  log.info('10.0.0.7: ssh: Stage 1');
  log.warn('careful');
  expect(said).toEqual(['starting']);
  answers.get('10.0.0.7')?.('laptop.example');
  await log.idle();
  expect(said).toEqual(['starting', '10.0.0.7 (laptop.example): ssh: Stage 1', 'careful']);
});

it('no more than a thousand lines wait for names; further ones go without', async () => {
  const log = named();
  for (let count = 0; count <= 1000; count++) log.info(`10.0.${count >> 8}.${count & 255}: ssh: Stage 1`);
  expect(answers.size).toBe(1000);
  for (const answer of answers.values()) answer('x');
  await log.idle();
  expect(said).toHaveLength(1001);
  expect(said.at(-1)).toBe('10.0.3.232: ssh: Stage 1');
});

it('the name of this host is known without any DNS', async () => {
  expect(await systemLookup()('127.0.0.1')).toEqual(expect.any(String));
});
