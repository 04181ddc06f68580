/** `knocktail show`: prints how to knock at a door, for several clients and as a QR code. */

import { type Command, InvalidArgumentError } from 'commander';
import { DEFAULT_CONFIG, readConfigFile } from '../config/config-file.ts';
import type { Config, DoorConfig } from '../config/schema.ts';
import { EXIT, KnocktailError } from '../errors.ts';
import type { Io } from '../lib/io.ts';
import { spanText } from '../lib/time.ts';
import { type Sequence, TCP_FLAGS } from '../model.ts';
import { endOf } from '../telemetry/messages.ts';
import { bashCommand, knockCommand, powershellScript } from '../tools/setup/knock-command.ts';
import { doorNamed } from './openings.ts';
import { sequencesBy } from './watched-by.ts';

/** What goes into the snippets has to be harmless in every shell. */
const HOST = /^[A-Za-z0-9:][A-Za-z0-9._:-]{0,252}$/;
const PLACEHOLDER = 'HOST';
/** As ISO/IEC 18004 asks for is 4; phones make do with less. */
const QUIET_MODULES = 2;
/** White on black, whatever colours the terminal has. */
const [WHITE_ON_BLACK, PLAIN] = ['\u001b[97;40m', '\u001b[0m'];

interface Options {
  readonly config: string;
  readonly host: string;
}

export function addShow(program: Command, io: Io): void {
  program
    .command('show')
    .summary('print how to knock at a door')
    .description(
      'Prints the knock of a door again: as a command, for machines that have no knock client, and as a QR code. ' +
        'Anyone who sees it can knock. Exit code 1 when its one-time sequences are used up.',
    )
    .option('-c, --config <file>', 'the configuration', DEFAULT_CONFIG)
    .option('--host <host>', 'the name or address by which clients reach this machine', toHost, PLACEHOLDER)
    .argument('<door>', 'the door')
    .action(async (name: string, { config: path, host }: Options) => {
      const { config } = await readConfigFile(path);
      const door = doorNamed(name, config, path);
      const [sequence, ...later] = (await sequencesBy(config))(name);
      if (sequence === undefined) {
        throw new KnocktailError('its one-time sequences are used up', {
          exitCode: EXIT.NO_MATCH,
          value: name,
          remedy: `add some to ${door.oneTimeSequences}`,
        });
      }
      const about = [`${name}: ${effectOf(door)}`, ...notesOf(door, config, later.length)];
      io.stdout.write(`${about.join('\n')}\n\n${snippets(host, sequence)}`);
      io.stdout.write(`${await qrOf(knockCommand(host, sequence), io)}\n`);
      io.finish(EXIT.OK);
    });
}

function snippets(host: string, sequence: Sequence): string {
  return `With a knock client (knocktail's own is \`knocktail knock\`):

  ${knockCommand(host, sequence)}

In bash, without one:

  ${bashCommand(host, sequence)}

In PowerShell:

${powershellScript(host, sequence).replaceAll(/^/gm, '  ')}

The first command as a QR code:

`;
}

async function qrOf(text: string, { isTerminal }: Pick<Io, 'isTerminal'>): Promise<string> {
  // Few command lines want it, and each would have to load it.
  const { renderUnicodeCompact } = await import('uqr');
  const lines = renderUnicodeCompact(text, { border: QUIET_MODULES }).split('\n');
  return lines.map((line) => (isTerminal ? `${WHITE_ON_BLACK}${line}${PLAIN}` : line)).join('\n');
}

function effectOf({ open, close, startCommand, startCommand6 }: DoorConfig): string {
  const effects = [
    ...(open === null
      ? []
      : [
          `opens ${endOf(open)} ${open.forUs === null ? 'until it is closed' : `for ${spanText(open.forUs)}`}`,
        ]),
    ...(close === null ? [] : [`closes ${close}`]),
    ...(startCommand || startCommand6 ? ['runs a command'] : []),
  ];
  return effects.length === 0 ? 'does nothing' : effects.join(', ');
}

/** What the one who knocks has to know. */
function notesOf(door: DoorConfig, { interface: name, ipv6 }: Config, later: number): readonly string[] {
  const { seqTimeoutUs, from, target, tcpflags, oneTimeSequences } = door;
  const isPlainSyn =
    tcpflags === null || ((tcpflags.set & ~TCP_FLAGS.SYN) === 0 && (tcpflags.clear & TCP_FLAGS.SYN) === 0);
  return [
    `  all steps within ${spanText(seqTimeoutUs)}`,
    ...(from === null
      ? []
      : [`  only from ${from.map(({ address, length }) => `${address}/${length}`).join(', ')}`]),
    ...(target === null ? [] : [`  only at ${target}`]),
    ...(name === null ? [] : [`  only through the interface ${name}`]),
    ...(ipv6 ? [] : ['  only over IPv4']),
    ...(isPlainSyn ? [] : ['  with TCP flags that none of these clients sends (tcpflags:)']),
    ...(oneTimeSequences === null
      ? []
      : [`  once: the next of ${later + 1} sequences in ${oneTimeSequences}`]),
  ];
}

function toHost(text: string): string {
  if (!HOST.test(text)) throw new InvalidArgumentError('Not a host name or an address.');
  return text;
}
