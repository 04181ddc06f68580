#!/bin/sh
# FOLDER -> a real rsyslogd on a /dev/log of its own, which writes all that it is told to FOLDER/syslog, and then
# the command line that follows, in the same mount namespace. Needs root; to be run by `unshare -m`.
set -eu
folder=$1
shift
mount --make-rprivate /
mkdir "$folder/dev"
for name in null zero full random urandom kmsg; do
  : > "$folder/dev/$name"
  mount --bind "/dev/$name" "$folder/dev/$name"
done
mount --rbind "$folder/dev" /dev
cat > "$folder/rsyslog.conf" <<CONF
global(workDirectory="$folder")
module(load="imuxsock" SysSock.Name="/dev/log" SysSock.RateLimit.Interval="0")
template(name="all" type="string" string="%syslogfacility-text%.%syslogseverity-text% %syslogtag% %msg%\n")
*.* action(type="omfile" file="$folder/syslog" template="all")
CONF
rsyslogd -n -f "$folder/rsyslog.conf" -i "$folder/rsyslogd.pid" &
while [ ! -S /dev/log ]; do sleep 0.05; done
"$@"
# What is under way is written before it ends.
kill "$(cat "$folder/rsyslogd.pid")"
wait
