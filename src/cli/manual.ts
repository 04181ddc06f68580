/** `knocktail man`: writes the pages of the manual, from the command lines and the schema. Run by the build. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { CLIENT_NAME, examplesOf } from '../client/program.ts';
import { DEFAULT_CONFIG } from '../config/config-file.ts';
import { EXIT } from '../errors.ts';
import type { Io } from '../lib/io.ts';
import { VERSION } from '../lib/version.ts';
import { sectionsOf } from '../tools/manual/commands.ts';
import { EXAMPLES } from '../tools/manual/examples.ts';
import { type KeySchema, keySections } from '../tools/manual/keys.ts';
import { type Page, roffOf, type Section } from '../tools/manual/roff.ts';
import { tablesOf } from './completion.ts';
import { jsonSchema } from './schema.ts';

const EXAMPLE = `log:
  prefix: "KNOCK "
doors:
  ssh:
    sequence: [4438, 1813:udp, 8235]
    seq_timeout: 5s
    tcpflags: [syn]
    open: { port: 22, for: 30s }`;

export function addManual(program: Command, io: Io): void {
  program
    .command('man', { hidden: true })
    .argument('<folder>')
    .action((folder: string) => {
      mkdirSync(folder, { recursive: true });
      for (const page of pagesOf(program, io)) {
        writeFileSync(join(folder, `${page.name}.${page.section}`), roffOf(page));
      }
      io.finish(EXIT.OK);
    });
}

function pagesOf(program: Command, io: Io): readonly Page[] {
  const version = VERSION;
  const [daemon, client] = [tablesOf(program, io, 'knocktail'), tablesOf(program, io, CLIENT_NAME)];
  const files = section('FILES', DEFAULT_CONFIG, '/var/lib/knocktail');
  return [
    {
      ...{
        name: daemon.name,
        section: 1,
        version,
        summary: 'port-knock daemon that reads the log of the firewall',
      },
      sections: [
        ...sectionsOf(daemon),
        section('EXAMPLES', ...Object.values(EXAMPLES).flat()),
        files,
        section('SEE ALSO', `${CLIENT_NAME}(1), knock.yaml(5), iptables(8)`),
      ],
    },
    {
      ...{ name: client.name, section: 1, version, summary: 'knock at the ports of a host' },
      sections: [
        ...sectionsOf(client),
        section('EXAMPLES', ...examplesOf(CLIENT_NAME)),
        section('SEE ALSO', 'knocktail(1)'),
      ],
    },
    {
      ...{ name: 'knock.yaml', section: 5, version, summary: 'configuration of knocktail(1)' },
      sections: [
        section('SYNOPSIS', DEFAULT_CONFIG),
        {
          title: 'DESCRIPTION',
          blocks: [
            {
              kind: 'text',
              text:
                'YAML. A key within a map is written here with a dot; NAME is the name of a door. ' +
                'knocktail check tells of what is wrong, by line and column.',
            },
          ],
        },
        ...keySections(JSON.parse(jsonSchema()) as KeySchema),
        section('EXAMPLES', ...EXAMPLE.split('\n')),
        section('SEE ALSO', 'knocktail(1)'),
      ],
    },
  ];
}

function section(title: string, ...lines: readonly string[]): Section {
  return { title, blocks: [{ kind: 'lines', lines }] };
}
