/** `knocktail check`: finds the problems in a configuration, and warns of doors that are weak or useless here. */

import type { Command } from 'commander';
import { DEFAULT_CONFIG, readConfigFile, tellProblem } from '../config/config-file.ts';
import { requireTrusted } from '../config/config-trust.ts';
import { OneTimeDoors } from '../config/one-time-doors.ts';
import type { Problem } from '../config/problem.ts';
import type { Config } from '../config/schema.ts';
import { formatStep } from '../config/sequence.ts';
import { type Weakness, weaknesses } from '../config/weak.ts';
import { EXIT } from '../errors.ts';
import type { Io } from '../lib/io.ts';
import { printable } from '../lib/printable.ts';
import { listenedHere } from './host-ports.ts';

export function addCheck(program: Command, io: Io): void {
  program
    .command('check')
    .summary('find the problems in a configuration')
    .description(
      'Prints every problem as FILE:LINE:COLUMN: what. Warns of doors that are weak, that nobody can open, or that nothing ' +
        'closes; warnings leave the exit status 0, unless --strict is given.',
    )
    .option('-c, --config <file>', 'the configuration', DEFAULT_CONFIG)
    .option('--strict', 'exit with 78 where there is a warning')
    .action(async ({ config: path, strict = false }: { config: string; strict?: boolean }) => {
      const { config, warnings, placeOf } = await readConfigFile(path);
      const tell = (problem: Problem): unknown => io.stderr.write(`${tellProblem(path, problem)}\n`);
      let warned = 0;
      for (const { path: file, text } of requireTrusted(path, config)) {
        warned++;
        io.stderr.write(`${printable(`${file}: warning: ${text}`)}\n`);
      }
      const warn = (problem: Problem): void => {
        warned++;
        tell({ ...problem, text: `warning: ${problem.text}` });
      };
      for (const warning of warnings) warn(warning);
      for (const { door, text } of weaknesses(config))
        warn({ ...placeOf(door), text: `door ${door}: ${text}` });
      for (const { door, text } of stepsInUse(config, await listenedHere()))
        warn({ ...placeOf(door), text: `door ${door}: ${text}` });
      const notices = await new OneTimeDoors().fill(config);
      for (const { door, text, isUsedUp } of notices) {
        const problem = { ...placeOf(door), text: `door ${door}: ${text}` };
        if (isUsedUp) tell(problem);
        else warn(problem);
      }
      if (notices.some(({ isUsedUp }) => isUsedUp)) {
        io.finish(EXIT.CONFIG);
        return;
      }
      if (strict && warned > 0) {
        io.stderr.write(`${path}: not good, ${warned} ${warned === 1 ? 'warning' : 'warnings'} (--strict)\n`);
        io.finish(EXIT.CONFIG);
        return;
      }
      const doors = config.doors.size;
      io.stdout.write(`${path}: good, ${doors} ${doors === 1 ? 'door' : 'doors'}\n`);
      io.finish(EXIT.OK);
    });
}

/** A port that a program listens on is often let in before the rules that log. */
export function stepsInUse({ doors }: Config, listened: ReadonlySet<string>): Weakness[] {
  return [...doors].flatMap(([door, { sequence }]) => {
    const steps = (sequence ?? []).filter(
      (step) => step.proto !== 'icmp' && listened.has(`${step.port}/${step.proto}`),
    );
    return [...new Set(steps.map(formatStep))].map((step) => ({
      door,
      text: `its step ${step} is a port on which a program of this host listens, and what a rule accepts is not logged, use a free port`,
    }));
  });
}
