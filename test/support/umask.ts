/** Lets tests write files as most users do: knocktail refuses a configuration that a group can change. */

process.umask(0o022);
