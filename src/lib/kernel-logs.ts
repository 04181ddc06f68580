/** The files in which syslog daemons keep what the kernel says, and what others tell them: the most likely first. */

export const KERNEL_LOGS = ['/var/log/kern.log', '/var/log/syslog', '/var/log/messages'] as const;
