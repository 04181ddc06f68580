/** One real knock, from the packet to the open door and its end: in namespaces, or else in a file. */

import { needs } from '../test/lab/needs.ts';
import { runInFile } from './in-file.ts';
import { runInNamespaces } from './in-namespaces.ts';

const missing = needs('root', 'ip', 'iptables', 'kernel log');
if (missing === null) {
  title('Root, ip and iptables are here: this is the whole way, between two network namespaces.');
  await runInNamespaces();
} else {
  title(
    `The whole way needs root, ip and iptables (${missing}), so this is the daemon on a log file, without them.`,
  );
  await runInFile();
}
title('That was it. Nothing is left behind.');

function title(text: string): void {
  process.stdout.write(`\n${text}\n`);
}
