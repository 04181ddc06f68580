#!/bin/sh
# A real journald of its own, in memory, and then the command line that follows, in the same mount namespace. Needs
# root; to be run by `unshare -m -p -f --kill-child`. Network namespaces are to be entered from within: journald
# does not start in one, where /sys has no cgroups.
set -eu
keep=$(mktemp -d)
mount --make-rprivate /
mount --rbind /run/netns "$keep"
mount -t tmpfs tmpfs /run
mkdir -p /run/netns /run/systemd/journal /run/log/journal /run/systemd/journald.conf.d
mount --rbind "$keep" /run/netns
umount -l "$keep"
rmdir "$keep"
printf '[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\n' > /run/systemd/journald.conf.d/lab.conf
/lib/systemd/systemd-journald &
until journalctl -kq -n1 -o cat 2>/dev/null | grep -q .; do sleep 0.05; done
exec "$@"
