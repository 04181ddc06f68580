#!/bin/sh
# FOLDER -> a real rsyslogd with imklog whose /var/log is FOLDER/log, and which takes the files of FOLDER/rsyslog.d.
# Needs root; to be run by `unshare -m`, into which nsenter gets logrotate. The rsyslog-rotate of Debian asks systemd
# for the HUP, which is not here.
set -eu
folder=$1
mount --make-rprivate /
mount --bind "$folder/log" /var/log
printf '#!/bin/sh\nkill -HUP "$(cat %s)"\n' "$folder/rsyslogd.pid" > "$folder/rsyslog-rotate"
chmod 755 "$folder/rsyslog-rotate"
mount --bind "$folder/rsyslog-rotate" /usr/lib/rsyslog/rsyslog-rotate
# As on Ubuntu the files are not root's.
cat > "$folder/rsyslog.conf" <<CONF
global(workDirectory="$folder")
module(load="builtin:omfile" fileOwner="nobody")
module(load="imklog")
include(file="$folder/rsyslog.d/*.conf")
CONF
# /proc/kmsg gives each line to one reader.
exec flock --no-fork /run/knocktail-klog.lock rsyslogd -n -f "$folder/rsyslog.conf" -i "$folder/rsyslogd.pid"
