/** Two namespaces, real rules, a real knock -> a TCP connection that fails, succeeds and fails again. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Lab, SERVER } from '../test/lab.ts';
import { CLIENT, DAEMON, ShownDaemon, show, step } from './daemon.ts';

const DOOR_PORT = 22;
const KNOCKS = ['4438', '1813:udp', '8235'];
const OPEN_SECONDS = 3;

export async function runInNamespaces(): Promise<void> {
  const lab = new Lab();
  try {
    await lab.logAndDrop();
    await lab.listen(DOOR_PORT);
    await lab.pumpLog();
    const config = join(lab.folder, 'knock.yaml');
    writeFileSync(config, configFor(lab), { mode: 0o600 });
    step('The daemon starts. It makes the chain KNOCKD and the jump to it, ahead of the rules that drop.');
    const daemon = new ShownDaemon(lab.spawn('server', [process.execPath, DAEMON, 'run', '-c', config]));
    await daemon.says('ready');
    await showRules(lab);
    await tryPort(lab, 'The port is shut:');

    step(`The client knocks: ${KNOCKS.join(' ')}`);
    await lab.exec('client', [process.execPath, CLIENT, SERVER.v4, ...KNOCKS]);
    await daemon.says(': opened ');
    await showRules(lab);
    await tryPort(lab, 'The port is open, for this client alone:');

    step(`The door closes by itself after ${OPEN_SECONDS} seconds.`);
    await daemon.says(': closed ');
    await tryPort(lab, 'The port is shut again:');
    await daemon.end();
  } finally {
    await lab.close();
  }
}

function configFor(lab: Lab): string {
  return `
log: { path: ${lab.log}, prefix: "${lab.prefix}" }
state: state
doors:
  ssh:
    sequence: [${KNOCKS.join(', ')}]
    seq_timeout: 5s
    open: { port: ${DOOR_PORT}, for: ${OPEN_SECONDS}s }
`;
}

async function showRules(lab: Lab): Promise<void> {
  for (const chain of ['INPUT', 'KNOCKD']) {
    const { stdout } = await lab.exec('server', ['iptables', '-w', '-S', chain]);
    show('iptables', stdout);
  }
}

async function tryPort(lab: Lab, text: string): Promise<void> {
  const { outcome } = await lab.connect('client', SERVER.v4, DOOR_PORT);
  step(`${text} connect to ${SERVER.v4}:${DOOR_PORT}: ${outcome}`);
}
