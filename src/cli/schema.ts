/** `knocktail schema`: prints the JSON Schema of knock.yaml. */

import type { Command } from 'commander';
import { z } from 'zod';
import { schema } from '../config/schema.ts';
import { EXIT } from '../errors.ts';
import type { Io } from '../lib/io.ts';

/** For editors: what knock.yaml may hold, before defaults are filled in. */
export function jsonSchema(): string {
  return `${JSON.stringify(z.toJSONSchema(schema, { target: 'draft-7', io: 'input' }), null, 2)}\n`;
}

export function addSchema(program: Command, io: Io): void {
  program
    .command('schema')
    .summary('print the JSON Schema of knock.yaml')
    .description('Prints the JSON Schema of knock.yaml, for editors.')
    .action(() => {
      io.stdout.write(jsonSchema());
      io.finish(EXIT.OK);
    });
}
