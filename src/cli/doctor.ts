/** `knocktail doctor`: finds what keeps knocks from opening on this host, one line a check, and what to type. */

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { DEFAULT_CONFIG, type Overrides } from '../config/config-file.ts';
import { EXIT, type ExitCode } from '../errors.ts';
import type { Io } from '../lib/io.ts';
import { jsonLine, printable } from '../lib/printable.ts';
import type { Finding } from '../tools/doctor/finding.ts';
import { examine } from './examine.ts';
import { withLogOptions } from './log-options.ts';
import { withOptions } from './own-command.ts';

interface Options extends Overrides {
  readonly config: string;
  readonly json?: true;
  readonly knock?: boolean;
}

const SIGNS = { ok: 'ok  ', warn: 'WARN', fail: 'FAIL', skip: '-   ' };

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
      'also send the first knock of a door from a scratch network, and see whether the log shows it; without it that is done where it is quick',
    )
    .option('--no-knock', 'send no knock')
    .option('--json', 'one JSON object a line')
    .action(async ({ config: given, json, knock, ...overrides }: Options) => {
      const path = resolve(given);
      let worst: ExitCode = EXIT.OK;
      for await (const each of examine({ path, overrides, isToKnock: knock ?? null }, io)) {
        const remedy = each.remedy === null ? null : withOptions(each.remedy, path, overrides);
        const finding = { ...each, remedy };
        io.stdout.write(json === true ? `${jsonLine(finding)}\n` : asText(finding));
        if (finding.status === 'fail') worst = EXIT.UNWELL;
        if (finding.status === 'warn' && worst === EXIT.OK) worst = EXIT.NO_MATCH;
      }
      io.finish(worst);
    });
}

function asText({ check, status, detail, remedy }: Finding): string {
  const first = `${SIGNS[status]}  ${check}: ${detail}`;
  return `${[first, ...(remedy === null ? [] : [`      -> ${remedy}`])].map(printable).join('\n')}\n`;
}
