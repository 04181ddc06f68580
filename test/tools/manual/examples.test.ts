/** The examples of the help: each command has some, and what they say is understood. */

import { expect, it } from 'vitest';
import { CLIENT_NAME, examplesOf } from '../../../src/client/program.ts';
import { EXAMPLES } from '../../../src/tools/manual/examples.ts';
import { knocktail } from '../../cli/terminal.ts';

const help = async (...argv: readonly string[]): Promise<string> =>
  (await knocktail([...argv, '--help'])).stdout;

it('every command has an example in its help', async () => {
  const commands = [...(await help()).matchAll(/^ {2}([a-z]+) /gm)].flatMap(([, name = '']) =>
    name === 'help' ? [] : [name],
  );
  expect(Object.keys(EXAMPLES).sort()).toEqual(commands.sort());
  for (const command of commands)
    expect(await help(command)).toMatch(new RegExp(`Examples:\\n {2}.*knocktail ${command}\\b`));
});

it.each(
  Object.entries(EXAMPLES).flatMap(([command, lines]) => lines.map((line) => [command, line] as const)),
)('of %s: %s has options that the command has', async (command, line) => {
  const text = await help(command);
  const [, rest = ''] = new RegExp(`knocktail ${command}\\b(.*)`).exec(line) ?? [];
  for (const [, option = ''] of rest
    .split(/[|>]/, 1)
    .join('')
    .matchAll(/ (--?[a-z][a-z-]*)/g))
    expect(text).toMatch(new RegExp(`(?:^|[ ,])${option}\\b`, 'm'));
});

it('the client has examples', () => {
  const examples = examplesOf(CLIENT_NAME);
  expect(examples.length).toBeGreaterThan(0);
  for (const line of examples) expect(line).toMatch(/^knocktail-knock (?:-\S+ )*/);
});
