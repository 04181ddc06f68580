/** Reads the command line of the client, and knocks once all of it has been checked. */

import { Command } from 'commander';
import { EXIT, type ExitCode } from '../errors.ts';
import { tellFailure } from '../lib/report-error.ts';
import type { Family } from '../model.ts';
import { parseDelay, parseSteps } from './arguments.ts';
import { resolveHost } from './host.ts';
import { knock } from './knock.ts';

interface Streams {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

interface Options {
  readonly udp?: true;
  readonly delay: number;
  readonly verbose?: true;
}

/** What the client is called where it is installed. `knock` belongs to knockd, which many who come here have. */
export const CLIENT_NAME = 'knocktail-knock';

/** @param name what a user types for the client */
export function examplesOf(name: string): readonly string[] {
  return [`${name} myserver.example.com 7000 8000:udp 9000:tcp`, `${name} -d 200 2001:db8::1 icmp:64 7000`];
}

const afterHelp = (name: string): string => `
Each STEP is PORT, PORT:tcp, PORT:udp, icmp or icmp:SIZE (a ping with SIZE bytes of payload).

Examples:
${examplesOf(name)
  .map((line) => `  ${line}`)
  .join('\n')}`;

interface Invocation {
  /** The name it was called by. */
  readonly name: string;
  readonly argv: readonly string[];
  readonly version: string;
}

/** Runs one command line. Never rejects: every failure has been told on stderr when it returns. */
export async function runKnock({ name, argv, version }: Invocation, io: Streams): Promise<ExitCode> {
  try {
    await knockCommand(version, io, name).parseAsync([...argv], { from: 'user' });
    return EXIT.OK;
  } catch (error) {
    return tellFailure(error, io.stderr);
  }
}

/**
 * The command line, as a command that knocks when it is parsed.
 *
 * @param name what a user types, whose last word is the name of the command
 */
export function knockCommand(
  version: string,
  { stdout, stderr }: Streams,
  name: string = CLIENT_NAME,
): Command {
  let family: Family | null = null;
  const force = (forced: Family) => () => {
    family = forced;
  };
  return (
    new Command(name.slice(name.lastIndexOf(' ') + 1))
      .summary('knock at the ports of a host')
      .description('Knocks at the ports of a host, one packet each, in this order.')
      .argument('<host>', 'name or address')
      .argument('<step...>', 'what to knock at: PORT, PORT:tcp, PORT:udp, icmp or icmp:SIZE')
      .option('-u, --udp', 'knock at all ports with UDP, whatever they say')
      .option('-d, --delay <ms>', 'wait this many milliseconds after each knock', parseDelay, 0)
      .option('-4, --ipv4', 'use IPv4 alone')
      .option('-6, --ipv6', 'use IPv6 alone')
      // As in knockd's, the last of the two counts.
      .on('option:ipv4', force(4))
      .on('option:ipv6', force(6))
      .option('-v, --verbose', 'tell each knock')
      .version(`knock (knocktail) ${version}`, '-V, --version')
      .addHelpText('after', afterHelp(name))
      .showHelpAfterError(`(${name} --help tells more)`)
      .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) })
      .exitOverride()
      .action(async (host: string, texts: readonly string[], options: Options) => {
        const steps = parseSteps(texts, options.udp === true);
        const target = await resolveHost(host, family);
        const tell = (line: string) => options.verbose === true && stdout.write(`${line}\n`);
        await knock({ target, steps, delayMs: options.delay }, tell);
      })
  );
}
