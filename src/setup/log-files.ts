/** Where knocks are logged -> what rsyslog, logrotate and cron are to do with it. */

import { commandLine } from '../command-line.ts';
import { KERNEL_LOGS } from '../kernel-logs.ts';

const OWN_LOG = '/var/log/knock.log';

/** The file for the lines of the kernel with the prefix, and for nothing else. */
export function ownLog({ from, path }: { readonly from: string; readonly path: string }): string {
  return from === 'file' && !KERNEL_LOGS.some((each) => each === path) ? path : OWN_LOG;
}

/** rsyslogd reads the kernel's backlog within that time of its start. */
const BACKLOG_SECONDS = 5;

/**
 * By /dev/kmsg, where one message is one line: /proc/kmsg, which imklog reads, makes two of one that holds a line feed.
 *
 * Observed with 8.2302 (Debian 12): at each start imkmsg reads the whole ring, and the times of its messages are off by
 * up to two seconds, and further with each day, as it adds the kernel's uptime to a boot time of whole seconds by another
 * clock. So a line gets the time at which it is written, and at first only what is new counts. Since 8.2312 imkmsg
 * takes the time itself, once it has read the backlog.
 */
export function rsyslogText(file: string, prefix: string): string {
  // Its messages are spelled as /dev/kmsg spells them; in the file the prefix is as it was configured.
  const spelled = kmsgSpelling(`${prefix}IN=`);
  const isPlain = spelled === `${prefix}IN=`;
  const message = isPlain
    ? '  property(name="msg")'
    : `  constant(value=${quoted(`${prefix}IN=`)})\n  property(name="msg" position.from="${spelled.length + 1}")`;
  return `# /etc/rsyslog.d/10-knocktail.conf: lines of the kernel with the prefix, and of nobody else, in a separate file.
# Then in knock.yaml: log: { path: ${file} }
# Where rsyslog loads imkmsg elsewhere, leave out the first line and the last stop.
module(load="imkmsg")
template(name="knocktail-stamp" type="list") { property(name="timereported" dateFormat="unixtimestamp") }
template(name="knocktail-line" type="list") {
  property(name="$.knocktail_time")
  constant(value=" ")
  property(name="hostname")
  constant(value=" kernel: ")
${message}
  constant(value="\\n")
}
if $inputname == 'imkmsg' then {
  # Lines that were logged before rsyslog started are not new.
  if $/knocktail_start == '' then set $/knocktail_start = $$now-unixtimestamp;
  if $syslogfacility == 0 and $msg startswith ${inQuotes(spelled)} then {
    set $.knocktail_age = $$now-unixtimestamp - exec_template("knocktail-stamp");
    if $$now-unixtimestamp - $/knocktail_start > ${BACKLOG_SECONDS} or $.knocktail_age == 0 or $.knocktail_age == 1 then {
      set $.knocktail_time = format_time($$now-unixtimestamp, "date-rfc3339");
      action(type="omfile" file=${quoted(file)} fileGroup="adm" fileCreateMode="0640" template="knocktail-line")
    }
  }
  stop
}
# Without this they are in kern.log and syslog as well.
if $inputname == 'imklog' and $msg contains ${inQuotes(`${prefix}IN=`)} then stop
`;
}

/** Control bytes, backslash and non-ASCII bytes as \xNN (msg_add_ext_text in kernel/printk/printk.c). */
function kmsgSpelling(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) => {
      const isPlain = byte >= 0x20 && byte < 0x7f && byte !== 0x5c;
      return isPlain ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`;
    })
    .join('');
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

function quoted(text: string): string {
  return `"${escaped(text, '"')}"`;
}

function inQuotes(text: string): string {
  return `'${escaped(text, "'")}'`;
}

function escaped(text: string, quote: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll(quote, `\\${quote}`);
}
