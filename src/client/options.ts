/** The command line of `knock` -> what to send, all of it checked before anything is sent. */

import { Command, InvalidArgumentError, Option } from 'commander';
import { parseStep } from '../config/sequence.ts';
import type { Step } from '../model.ts';

export interface Wish {
  readonly host: string;
  readonly steps: readonly Step[];
  /** 0 for either. */
  readonly family: 0 | 4 | 6;
  /** Between two packets. */
  readonly delayMs: number;
  readonly verbose: boolean;
}

interface Options {
  readonly ipv4?: true;
  readonly ipv6?: true;
  readonly udp?: true;
  readonly verbose?: true;
  readonly delay: number;
}

/** The options of knockd's client, with its meaning. Commander tells what is wrong with them, and throws. */
export function knockCommand(version: string, knock: (wish: Wish) => Promise<void>): Command {
  return new Command('knock')
    .description('Knocks at a host: one packet at each port, in this order.')
    .argument('<host>', 'its name or address')
    .argument('<port...>', 'a port, tcp unless it says :udp, or a ping: icmp, icmp:SIZE', addStep)
    .option('-u, --udp', 'make all ports UDP')
    .option('-d, --delay <ms>', 'wait so many milliseconds between two packets', milliseconds, 0)
    .addOption(new Option('-4, --ipv4', 'knock over IPv4').conflicts('ipv6'))
    .option('-6, --ipv6', 'knock over IPv6')
    .option('-v, --verbose', 'tell of each packet')
    .version(`knock ${version}`, '-V, --version')
    .addHelpText('after', '\nExample: knock myserver.example.com 123:tcp 456:udp 789:tcp')
    .action((host: string, steps: readonly Step[], options: Options) =>
      knock({
        host,
        steps: options.udp === true ? steps.map(overUdp) : steps,
        family: options.ipv4 === true ? 4 : options.ipv6 === true ? 6 : 0,
        delayMs: options.delay,
        verbose: options.verbose === true,
      }),
    );
}

function addStep(text: string, before: readonly Step[] = []): readonly Step[] {
  const step = parseStep(text);
  if (step !== null) return [...before, step];
  throw new InvalidArgumentError('Write a port from 1 to 65535, with :udp for UDP, or icmp or icmp:SIZE.');
}

function milliseconds(text: string): number {
  if (/^\d{1,7}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Write a whole number of milliseconds.');
}

/** As in knockd's client, even where a port says tcp. */
function overUdp(step: Step): Step {
  return step.proto === 'tcp' ? { ...step, proto: 'udp' } : step;
}
