/** Writes the rsyslog, logrotate and cron files for a dedicated log. */

import { KERNEL_LOGS } from '../../lib/kernel-logs.ts';
import { commandLine } from '../../lib/shell-quote.ts';

const OWN_LOG = '/var/log/knock.log';

/** The file for the lines of the kernel with the prefix, and for nothing else. */
export function ownLog({ from, path }: { readonly from: string; readonly path: string }): string {
  return from === 'file' && !KERNEL_LOGS.some((each) => each === path) ? path : OWN_LOG;
}

/** What a program other than the kernel tells syslog comes by another input, whatever it says it is. */
export function rsyslogText(file: string, prefix: string): string {
  return `# /etc/rsyslog.d/10-knocktail.conf: lines of the kernel with the prefix, and of nobody else, in a file of their own.
# Then in knock.yaml: log: { path: ${file} }. Without the stop they stay in the other logs, too.
if ($inputname == 'imklog' or ($inputname == 'imjournal' and $!_TRANSPORT == 'kernel'))
   and $msg contains ${inQuotes(`${prefix}IN=`)} then {
  action(type="omfile" file="${escaped(file, '"')}" fileGroup="adm" fileCreateMode="0640" template="RSYSLOG_FileFormat")
  stop
}
`;
}

/** A new file at each rotation: of one that is truncated in its place, lines that come meanwhile are lost. */
export function logrotateText(file: string): string {
  return `# /etc/logrotate.d/knocktail
${/^[\w./-]+$/.test(file) ? file : `"${escaped(file, '"')}"`} {
	daily
	rotate 7
	missingok
	notifempty
	compress
	delaycompress
	create
	sharedscripts
	postrotate
		if [ -x /usr/lib/rsyslog/rsyslog-rotate ]; then /usr/lib/rsyslog/rsyslog-rotate; else systemctl kill -s HUP rsyslog.service; fi
	endscript
}
`;
}

/** @param command the words of the flush, with absolute paths: cron has little of a PATH */
export function cronText(command: readonly string[]): string {
  // To cron a % is a line end.
  const line = commandLine(command).replaceAll('%', '\\%');
  return `# /etc/cron.d/knocktail: at night all doors are shut. Sessions that are established go on.
0 3 * * *  root  ${line}
`;
}

function inQuotes(text: string): string {
  return `'${escaped(text, "'")}'`;
}

function escaped(text: string, quote: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll(quote, `\\${quote}`);
}
