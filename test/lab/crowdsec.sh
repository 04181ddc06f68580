#!/bin/sh
# CrowdSec of Debian, unpacked and not installed, on a configuration made of its own and of what a folder holds in the
# places of /etc/crowdsec. Says what became of the lines of files: each with its parser's verdict, and then alerts and
# decisions as JSON. To be run by `unshare --net` as root, so that it reaches nobody.
# Usage: crowdsec.sh UNPACKED CONFIG SCRATCH (FILE TYPE)...
set -eu
unpacked=$1 own=$2 home=$3
shift 3
etc=$home/etc hub=$unpacked/usr/share/crowdsec/hub
PATH=$unpacked/usr/bin:$PATH
mkdir -p "$etc" "$home/data" "$home/plugins" "$etc/notifications" "$etc/parsers/s00-raw" "$etc/parsers/s02-enrich"
cp -r "$unpacked/etc/crowdsec/." "$own/." "$etc"
# What `apt install crowdsec` enables, as far as lines of any program pass through it.
cp "$hub/parsers/s00-raw/crowdsecurity/syslog-logs.yaml" "$etc/parsers/s00-raw"
cp "$hub/parsers/s02-enrich/crowdsecurity/dateparse-enrich.yaml" "$etc/parsers/s02-enrich"
sed -i -e "s,/etc/crowdsec/,$etc/,; s,/var/lib/crowdsec/data/,$home/data/,; s,/var/lib/crowdsec/hub/,$hub/," \
  -e "s,/usr/lib/crowdsec/plugins/,$home/plugins/,; s,log_media: file,log_media: stdout,; s,daemonize: true,daemonize: false," \
  -e '/online_client:/,+1d; /^prometheus:/,$s/enabled: true/enabled: false/' "$etc/config.yaml"
: > "$etc/acquis.yaml"
: > "$etc/console.yaml"
: > "$etc/local_api_credentials.yaml"

ip link set lo up
cscli -c "$etc/config.yaml" machines add --auto --force >/dev/null 2>&1
crowdsec -c "$etc/config.yaml" -no-cs >"$home/api.log" 2>&1 &
api=$!
trap 'kill "$api" 2>/dev/null || true' EXIT
trap 'exit 143' TERM
until cscli -c "$etc/config.yaml" lapi status >/dev/null 2>&1; do sleep 0.1; done
while [ $# -gt 0 ]; do
  cscli -c "$etc/config.yaml" explain --file "$1" --type "$2" --verbose
  crowdsec -c "$etc/config.yaml" -no-api -dsn "file://$1" -type "$2" >>"$home/agent.log" 2>&1
  shift 2
done
printf '\nalerts: '
cscli -c "$etc/config.yaml" alerts list -o json
kill "$api"
wait "$api" || true
