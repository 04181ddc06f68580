/** `knocktail doctor`: what keeps knocks from opening on this host, one line a check, and what to type. */

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { commandLine } from '../command-line.ts';
import type { Finding } from '../doctor/finding.ts';
import { EXIT, type ExitCode } from '../errors.ts';
import { jsonLine, printable } from '../log.ts';
import { DEFAULT_CONFIG, type Overrides } from './config-file.ts';
import { examine } from './examine.ts';
import type { Io } from './io.ts';
import { withLogOptions } from './log-options.ts';

interface Options extends Overrides {
  readonly config: string;
  readonly json?: true;
  readonly knock?: true;
}

const SIGNS = { ok: 'ok  ', warn: 'WARN', fail: 'FAIL', skip: '-   ' };
/** Our own commands, and whether they take --log and --prefix. */
const COMMANDS = /\bknocktail (?:(?:check|init)|(run|rules|doctor))\b/g;

export function addDoctor(program: Command, io: Io): void {
  const command = program
    .command('doctor')
    .summary('find what keeps knocks from opening on this host')
    .description(
      'Looks at all that stands between a knock and its rule, and changes nothing. Exit code 0 when all is well, ' +
        '1 for warnings, 2 for failures.',
    )
    .option('-c, --config <file>', 'the configuration', DEFAULT_CONFIG);
  withLogOptions(command)
    .option(
      '--knock',
      'also send the first knock of a door from a scratch network, and see whether the log shows it',
    )
    .option('--json', 'one JSON object a line')
    .action(async ({ config: given, json, knock, ...overrides }: Options) => {
      const path = resolve(given);
      let worst: ExitCode = EXIT.OK;
      for await (const each of examine({ path, overrides, isToKnock: knock === true }, io)) {
        const finding = forThis(each, path, overrides);
        io.stdout.write(json === true ? `${jsonLine(finding)}\n` : asText(finding));
        if (finding.status === 'fail') worst = EXIT.UNWELL;
        if (finding.status === 'warn' && worst === EXIT.OK) worst = EXIT.NO_MATCH;
      }
      io.finish(worst);
    });
}

/** With remedies that can be typed as they stand, whatever configuration it is. */
function forThis(finding: Finding, path: string, { log = [], prefix }: Overrides): Finding {
  const file = path === DEFAULT_CONFIG ? [] : ['-c', path];
  const logs = log.flatMap((where) => ['--log', where]);
  const options = [...logs, ...(prefix === undefined ? [] : ['--prefix', prefix])];
  const typed = (command: string, takesLogs: string | undefined): string =>
    [command, commandLine([...file, ...(takesLogs === undefined ? [] : options)])].join(' ').trim();
  return { ...finding, remedy: finding.remedy?.replace(COMMANDS, typed) ?? null };
}

function asText({ check, status, detail, remedy }: Finding): string {
  const first = `${SIGNS[status]}  ${check}: ${detail}`;
  return `${[first, ...(remedy === null ? [] : [`      -> ${remedy}`])].map(printable).join('\n')}\n`;
}
